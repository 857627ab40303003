/*
 * Inside of a slot pool. For the files of this folder only. They are, lowest first:
 *
 *     slot_moves.c   moves slots and waiters under the lock, and does afterwards what follows from that
 *     slot_group.c   the slots of one instance, from its first to its last
 *     slot_pool.c    takes slots and gives them back
 *     slot_wait.c    those who wait for a slot, and what becomes of them
 *
 * Each uses only those above it in this list.
 */
#ifndef ROUTING_SLOT_POOL_INSIDE_H
#define ROUTING_SLOT_POOL_INSIDE_H

#include "routing/call_book.h"
#include "routing/slot_group.h"
#include "routing/slot_pool.h"
#include "routing/slot_wait.h"

#include <pthread.h>
#include <stdatomic.h>

TAILQ_HEAD(slot_list, slot);
TAILQ_HEAD(slot_waiters, slot_waiter);
TAILQ_HEAD(slot_groups, slot_group);

struct slot_group {
    struct slot_pool *pool;
    TAILQ_ENTRY(slot_group) link; /* among the groups that are not retired */
    uint64_t instance;
    struct slot_address address; /* of all its slots, if they are connected by their users */
    struct call_book *calls; /* a reference; NULL: none is kept */
    unsigned slots, busy;
    unsigned awaited; /* connections that its runner is to open yet */
    uint64_t idle_since_ms;
    uint64_t uses;
    bool retired;
    bool tell; /* the hook `drained` is due when the last busy slot comes back */
};

struct slot_pool {
    pthread_mutex_t lock;
    _Atomic unsigned users; /* public references */
    _Atomic unsigned memory; /* one for all users, one for each slot */
    _Atomic uint64_t revision;
    struct slot_pool_hooks hooks;
    struct slot_list idle; /* the stack, newest first */
    struct slot_waiters waiting; /* oldest first */
    struct slot_groups groups;
    struct slot_pool *successor; /* a reference; acquires go there */
    struct slot_counts counts; /* oldest_wait_since_ms is made when read */
    unsigned announced; /* of counts.starting: what the fleet has told; the rest is awaited */
    bool demand_told;
    const char *limit; /* static */
    struct kept_error *trouble; /* what keeps the waiters waiting; NULL: nothing that is known */
    struct kept_error *closed; /* what every request is told; NULL: it is open */
};

/* What follows from a change and is done once the lock is released. */
struct afterwards {
    struct slot_list closed;
    struct slot_waiters notified;
    bool on_home; /* this is the thread of the worker that watches the granted slot */
    bool demand;
    enum slot_fate lost; /* SLOT_REUSABLE: none */
    uint64_t lost_instance;
    bool drained;
    uint64_t drained_instance;
};

/* --- slot_moves.c --- */

/* Locks the pool for a change, of which nothing follows yet. */
void slot_pool_lock(struct slot_pool *pool, struct afterwards *ret_after);

/* Releases the lock and does what follows. The pool may be gone then, unless the caller has a reference. */
void slot_pool_unlock(struct slot_pool *pool, struct afterwards *after);

/* Lets go of the memory for all users; it is freed when the last slot is closed, too. Without the lock. */
void slot_pool_drop_memory(struct slot_pool *pool);

/* All of these under the lock. */

/* Puts a slot into the idle stack, where acquire takes it first or last. */
void slot_push_newest(struct slot *slot);
void slot_push_oldest(struct slot *slot);

/* Takes a slot out of the idle stack. */
void slot_take_idle(struct slot *slot);

/* Counts a slot, which is not in the idle stack, as busy, and no longer so. */
void slot_begin_use(struct slot *slot);
void slot_end_use(struct slot *slot, uint64_t now_ms);

/* Hands a slot that is neither idle nor busy to the oldest waiter. False: nobody waits. */
bool slot_grant(struct slot *slot, struct afterwards *after);

/* Adds a waiter, whose `pool` is set, at the end of the queue; takes it out. */
void slot_waiter_enqueue(struct slot_waiter *waiter);
void slot_waiter_dequeue(struct slot_waiter *waiter);

/* Lets a waiter, which is in no queue, be told a copy of `error`. */
void slot_waiter_fail(struct slot_waiter *waiter, const struct error *error, struct afterwards *after);

/* Lets the hook `demand` be called if more wait than there are slots on their way. */
void slot_pool_note_demand(struct slot_pool *pool, struct afterwards *after);

/* --- slot_group.c, under the lock --- */

/* Takes a slot that is neither idle nor busy away from its group, which may be freed, to be closed. */
void slot_group_discard(struct slot *slot, enum slot_fate fate, struct afterwards *after);

/* Takes the group, which may be freed, out of the pool. `tell`: the hook `drained` follows. */
void slot_group_end(struct slot_group *group, bool tell, struct afterwards *after);

#endif
