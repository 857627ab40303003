/*
 * The slots of one instance: a group of a pool. For the control thread.
 *
 * Life of a slot:
 *     added (accepted and loaded, or as room) -> idle or handed to a waiter -> busy -> released: idle, handed
 * on, or closed when its instance is retired or the connection is no longer usable
 */
#ifndef ROUTING_SLOT_GROUP_H
#define ROUTING_SLOT_GROUP_H

#include "routing/slot_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct call_book;
struct slot_group;

enum slot_retire {
    RETIRE_IF_IDLE, /* only when no slot of the group is busy; else nothing happens */
    RETIRE_DRAIN /* take no new request; busy slots close when they are released */
};

/* A group for an instance, without slots yet. Freed by the pool once retired and empty. The caller holds a
 * reference to the pool meanwhile. */
struct slot_group *slot_group_create(struct slot_pool *pool, uint64_t instance);

/* The book of the instance's requests that other functions make; referenced. Before its first slot, once. */
void slot_group_set_calls(struct slot_group *group, struct call_book *calls);

/* Adds a connection whose runner has loaded the function. The pool owns the fd (non-blocking, close-on-exec)
 * from now on. */
void slot_group_add_slot(struct slot_group *group, int fd, uint64_t now_ms);

/* Adds as many slots that are connected, to `address`, which is copied, by whoever uses them: for an instance
 * whose server waits for connections. Not together with slot_group_add_slot(). */
void slot_group_add_rooms(struct slot_group *group, const struct slot_address *address, unsigned count,
                          uint64_t now_ms);

/* Ends a group. RETIRE_IF_IDLE returns false, and does nothing, when a slot is busy. After true (always for
 * RETIRE_DRAIN) no new request reaches the instance, and the group must not be used by the caller any more;
 * with RETIRE_DRAIN the hook `drained` follows (at once when nothing is busy, from within this call). */
bool slot_group_retire(struct slot_group *group, enum slot_retire how);

/* The group's runner is to open as many further connections: until they are there, or one is gone, they count
 * among the slots on their way. */
void slot_group_await(struct slot_group *group, unsigned slots);

/* The runner has had its time: what it has not opened will not come. Returns how many slots it has. */
unsigned slot_group_settle(struct slot_group *group);

/* How many slots the group has, and since when none was busy (0: one is busy now). */
void slot_group_usage(const struct slot_group *group, unsigned *ret_slots, unsigned *ret_busy,
                      uint64_t *ret_idle_since_ms);

/* An idle slot that the control thread uses for a while, so that it counts as busy. */
struct slot_loan {
    struct slot *slot; /* NULL: none */
    uint64_t idle_since_ms;
    uint64_t uses; /* of its group, as it began */
};

/* Takes an idle slot of a group that has no busy one. False: there is none. */
bool slot_group_borrow(struct slot_group *group, struct slot_loan *ret_loan);

/* Gives it back. Unless another slot of the group was used meanwhile, the group counts as idle since before.
 */
void slot_group_return(const struct slot_loan *loan, enum slot_fate fate, uint64_t now_ms);

#endif
