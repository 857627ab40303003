/*
 * What the parts of the calls thread share. Each is used on that thread alone.
 */
#ifndef CALLS_CALLS_ENV_H
#define CALLS_CALLS_ENV_H

#include "base/network.h"
#include "calls/spool.h"

#include <stdbool.h>
#include <stdint.h>

struct call_counts;
struct call_plan;
struct call_store;
struct callbacks;
struct event_base;
struct outgoing;
struct turn;

struct calls_env {
    struct event_base *base;
    struct call_store *store; /* to change anything in it, turn_enter() */
    struct turn *turn;
    struct outgoing *outgoing;
    struct call_plan *plan; /* NULL: none has come yet */
    const char *door_path; /* of the unix socket that deliveries go to */
    uint64_t max_waiting, disk_bytes; /* bounds of what is kept */
    struct network_list callback_networks; /* callbacks may go there, though refused otherwise */
    struct spool_room room;
    struct call_counts *counts;
    bool run_ended; /* a call that is the run of a schedule has; see scheduler_go_on() */
    struct callbacks *callbacks;
    /* A call of this function has been put with this turn, by another part than the desk. */
    void (*put)(void *owner, const char *function);
    void *owner;
};

/* Whether one call more may be kept. */
bool calls_env_has_room(const struct calls_env *env);

/* Bytes that bodies and results may still take on the disk. */
uint64_t calls_env_disk_left(const struct calls_env *env);

#endif
