/*
 * How much of the machine all instances together may take, and take now. Who wants more than there is says so
 * here, and who waits is told when something was given back. Control thread.
 */
#ifndef FLEET_ENGINE_BUDGET_H
#define FLEET_ENGINE_BUDGET_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
    unsigned max_instances, instances;
    uint64_t max_memory_bytes, memory_bytes;
    unsigned trials_waiting; /* new revisions that wait for room to load in; it is kept for them */
    bool short_of_room; /* instances are wanted that there is no room for */
    struct event *wanted; /* activated when that is so, so that others make room; its own */
    struct event *freed; /* activated when an instance is gone, so that others may start; its own */
};

/* One instance more, with this limit; one that gets another limit; one less. */
void budget_take(struct budget *budget, uint64_t memory_bytes);
void budget_change(struct budget *budget, uint64_t from_bytes, uint64_t to_bytes);
void budget_give_back(struct budget *budget, uint64_t memory_bytes);

/* Instances are wanted that there is no room for. */
void budget_want(struct budget *budget);

/* Frees its events, if there are any. */
void budget_clear(struct budget *budget);

/* How many further instances of this size are allowed. */
unsigned budget_room(const struct budget *budget, uint64_t memory_bytes);

/* The same when `ready` prewarmed instances with a limit of `ready_bytes` each, which are counted already,
 * may become some of them. */
unsigned budget_room_with(const struct budget *budget, uint64_t memory_bytes, unsigned ready,
                          uint64_t ready_bytes);

#endif
