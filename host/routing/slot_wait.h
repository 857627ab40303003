/*
 * Those who wait for a slot of a pool: who has found none free joins a bounded queue, which serves the oldest
 * first.
 *
 * Life of a waiter:
 *     queued -> granted (its mail brings a slot) | failed (its mail brings an error) | cancelled by its
 * worker
 */
#ifndef ROUTING_SLOT_WAIT_H
#define ROUTING_SLOT_WAIT_H

#include "base/error.h"
#include "base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct slot;
struct slot_pool;

/* A request in the queue. Embedded in the gateway's exchange; touched by the pool only between acquire and
 * its mail. */
struct slot_waiter {
    struct mail
        mail; /* delivered to the mailbox below when the waiting is over; set mail.deliver before acquire */
    struct mailbox *inbox; /* of the worker that waits */
    unsigned queue_length; /* so many wait at most, this one among them; set it before acquire, too */
    TAILQ_ENTRY(slot_waiter) link; /* in the queue, or among those who are to be told */
    struct slot_pool *pool; /* a reference to the pool it waits in (another one when its revision is
                               replaced); the waiter drops it when its mail has come */
    struct slot *slot; /* granted: the slot, owned by the waiter */
    struct error *error; /* failed: why; the waiter frees it */
    bool queued;
    int home; /* index of the worker that waits */
    uint64_t joined_ms;
    bool cold; /* no instance was ready when it joined */
    const char *limit; /* cancelled: the setting that kept it waiting, as last told by the fleet, or NULL */
};

/* --- workers --- */

/* Takes the waiter out of the queue and drops its reference to the pool. False: its mail is on the way
 * already, and the worker must take and release what it brings. */
bool slot_waiter_cancel(struct slot_waiter *waiter);

/* What keeps the waiter waiting, as last told by the fleet. False: nothing that is known. Before its mail was
 * delivered and before slot_waiter_cancel(). */
bool slot_waiter_trouble(struct slot_waiter *waiter, struct error *ret_trouble);

/* --- control thread --- */

/* Tells the pool how many slots are on their way in instances that start, so that it knows which waiters will
 * be served without further ado. */
void slot_pool_set_starting(struct slot_pool *pool, unsigned starting);

/* Arms the hook `demand` again: for whoever it told, before looking at the counters, so that no waiter is
 * missed. */
void slot_pool_arm_demand(struct slot_pool *pool);

/* Tells the pool which setting keeps its waiters waiting: static text, or NULL for none. */
void slot_pool_set_limit(struct slot_pool *pool, const char *limit);

/* Tells the pool what trouble, if it does not pass, keeps its waiters waiting: copied; NULL: none. */
void slot_pool_set_trouble(struct slot_pool *pool, const struct error *trouble);

/* Fails every waiter with a copy of `error` (the function cannot load). Returns how many. */
unsigned slot_pool_fail_waiters(struct slot_pool *pool, const struct error *error);

/* The same, also for every request that comes from now on: nothing will serve this pool again. For those who
 * found it just before its route was taken away. */
void slot_pool_close(struct slot_pool *pool, const struct error *error);

/* Moves the waiters of `old` to `successor` and sends later acquires there: a new revision takes over. Groups
 * stay where they are. How long a request takes is believed of the successor until its own have shown it. A
 * successor that had itself been replaced (a roll-back) serves again. */
void slot_pool_replace(struct slot_pool *old, struct slot_pool *successor);

#endif
