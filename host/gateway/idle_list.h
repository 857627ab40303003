/*
 * The clients of a worker that have no request under way, in the order of idling: who goes when connections
 * run short. First those of which nothing has come (new, or between two requests), then those that have sent
 * part of a head. Every change takes the same small time. The worker's, except that others may look how long
 * the first has idled.
 */
#ifndef GATEWAY_IDLE_LIST_H
#define GATEWAY_IDLE_LIST_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

struct client;

enum idle_kind { IDLE_SILENT, IDLE_IN_HEAD, IDLE_KINDS };

/* In a client. All zero: in no list. */
struct idle_entry {
    TAILQ_ENTRY(client) link;
    uint64_t since_ms; /* 0: in no list */
    uint8_t kind; /* enum idle_kind */
};

#define IDLE_NEVER UINT64_MAX

struct idle_list {
    TAILQ_HEAD(idle_clients, client) clients[IDLE_KINDS];
    _Atomic uint64_t since_ms[IDLE_KINDS]; /* of the first; IDLE_NEVER: there is none. Any thread may read */
};

void idle_list_init(struct idle_list *list);

/* The client idles from now on; when it did so in this way already, since then. `now_ms` is above 0. */
void idle_list_put(struct idle_list *list, struct client *client, enum idle_kind kind, uint64_t now_ms);

/* The client has a request under way, or goes. */
void idle_list_remove(struct idle_list *list, struct client *client);

/* The one that has idled longest in this way, or NULL. */
struct client *idle_list_first(struct idle_list *list, enum idle_kind kind);

static inline uint64_t idle_list_since_ms(const struct idle_list *list, enum idle_kind kind)
{
    return atomic_load_explicit(&list->since_ms[kind], memory_order_relaxed);
}

#endif
