/*
 * The slot pool of one revision: routing, queueing and the scale-up signal in one place.
 *
 * A slot is one connection to a runner and carries one request at a time. The pool holds the idle slots as a
 * stack (the most recently used is taken first, so load packs onto few instances and the others fall idle)
 * and the requests that found none as a bounded queue (the oldest is served first). A small mutex guards
 * both; nothing under it blocks or calls out.
 *
 * Threads: workers acquire and release; the control thread adds and retires instances. Functions say who may
 * call them.
 *
 * Life of a slot:
 *   offered (control: accepted and loaded) -> idle or handed to a waiter -> busy -> released: idle, handed
 * on, or closed when its instance is retired or the connection is no longer usable. Life of a waiter: queued
 * -> granted (its mail brings a slot) | failed (its mail brings an error) | cancelled by its worker.
 */
#ifndef GATEWAY_SLOT_POOL_H
#define GATEWAY_SLOT_POOL_H

#include "base/error.h"
#include "base/mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot_pool;
struct slot_group; /* the slots of one instance */

/* One connection to a runner. The gateway keeps what it needs for I/O in `link`, made by the first worker
 * that uses the slot. */
struct slot {
    int fd;
    struct slot_group *group;
    struct slot *newer, *older; /* the idle stack */
    bool idle;
    unsigned uses; /* requests served over this connection so far */
    int home;      /* index of the worker whose event loop watches the fd; -1: none yet */
    void *link;    /* the gateway's; freed through slot_pool_hooks.slot_closed */
};

/* A request in the queue. Embedded in the gateway's exchange; touched by the pool only between acquire and
 * its mail. */
struct slot_waiter {
    struct mail
        mail; /* delivered to the mailbox below when the waiting is over; set mail.deliver before acquire */
    struct mailbox *inbox; /* of the worker that waits */
    struct slot_waiter *next, *previous;
    struct slot_pool *pool; /* the pool it is in now (a waiter moves when a revision is replaced) */
    struct slot *slot;      /* granted: the slot, owned by the waiter */
    struct error *error;    /* failed: why; the waiter frees it */
    bool queued;
    uint64_t joined_ms;
    bool cold; /* no instance was ready when it joined */
};

/* What one struct says of a revision's load: everything the autoscaler decides from. */
struct slot_counts {
    unsigned idle;                 /* slots nobody uses */
    unsigned busy;                 /* slots under a request */
    unsigned waiting;              /* requests in the queue */
    unsigned starting;             /* slots on their way, as last set by the fleet */
    unsigned instances;            /* groups that take requests */
    uint64_t completed;            /* requests whose slot was released, since the pool was made */
    uint64_t refused;              /* requests turned away because the queue was full */
    uint64_t oldest_wait_since_ms; /* when the oldest waiter joined; 0: none waits */
    uint64_t service_us;           /* smoothed time a request keeps its slot; 0: not known yet */
};

/* Called without the pool's lock held, on any thread; each must only post mail or the like. */
struct slot_pool_hooks {
    /* A waiter joined that neither an idle nor a starting slot will serve. Not repeated until
     * slot_pool_counts was read. */
    void (*demand)(void *context);
    /* A draining group has released its last busy slot. Once per group. */
    void (*drained)(void *context, uint64_t instance);
    void *context;
};

struct slot_pool_limits {
    unsigned queue_length; /* waiters at most */
};

enum slot_acquire {
    SLOT_TAKEN,  /* *ret_slot is the caller's until it releases it */
    SLOT_QUEUED, /* the waiter's mail will come */
    SLOT_REFUSED /* the queue is full */
};

enum slot_fate {
    SLOT_REUSABLE, /* the exchange ended cleanly */
    SLOT_BROKEN    /* the connection must be closed; the runner dials again */
};

enum slot_retire {
    RETIRE_IF_IDLE, /* only when no slot of the group is busy; else nothing happens */
    RETIRE_DRAIN    /* take no new request; busy slots close when they are released */
};

/* A pool with one reference, the caller's. `hooks` is copied. Any thread. */
struct slot_pool *slot_pool_create(const struct slot_pool_limits *limits,
                                   const struct slot_pool_hooks *hooks);

/* References are held by the fleet, by route snapshots, and by every slot under a request. The last one frees
 * the pool. Any thread. */
struct slot_pool *slot_pool_ref(struct slot_pool *pool);
void slot_pool_unref(struct slot_pool *pool);

/* --- workers --- */

/* Takes the best idle slot for the worker `home`, or joins the queue. `waiter` is untouched when SLOT_TAKEN;
 * its `mail.deliver` and `inbox` must be set. Among the idle slots of the most recently used instance one
 * that `home` already watches is preferred. */
enum slot_acquire slot_pool_acquire(struct slot_pool *pool, int home, uint64_t now_ms,
                                    struct slot_waiter *waiter, struct slot **ret_slot);

/* Takes the waiter out of the queue. False: its mail is on the way already, and the worker must take and
 * release what it brings. */
bool slot_pool_cancel(struct slot_waiter *waiter);

/* Gives a slot back: to the oldest waiter, to the idle stack, or (broken, or its group retired) closed.
 * `service_us` is how long the request kept it; 0 when nothing was sent on it. */
void slot_pool_release(struct slot *slot, enum slot_fate fate, uint64_t now_ms, uint64_t service_us);

/* Takes an idle slot out whose connection was seen to close, and closes it. False: it was not idle any more
 * (its new user will see). */
bool slot_pool_drop_idle(struct slot *slot);

/* --- control thread --- */

/* A group for an instance, without slots yet. Freed by the pool once retired and empty. */
struct slot_group *slot_pool_add_group(struct slot_pool *pool, uint64_t instance);

/* Adds a connection whose runner has loaded the function. The pool owns the fd (non-blocking, close-on-exec)
 * from now on. */
void slot_pool_add_slot(struct slot_group *group, int fd, uint64_t now_ms);

/* Ends a group. RETIRE_IF_IDLE returns false, and does nothing, when a slot is busy. After true (always for
 * RETIRE_DRAIN) no new request reaches the instance, and the group must not be used by the caller any more;
 * with RETIRE_DRAIN the hook `drained` follows (at once when nothing is busy, from within this call). */
bool slot_pool_retire_group(struct slot_group *group, enum slot_retire how);

/* How many slots the group has, and since when none was busy (0: one is busy now). */
void slot_group_usage(const struct slot_group *group, unsigned *ret_slots, unsigned *ret_busy,
                      uint64_t *ret_idle_since_ms);

/* Tells the pool how many slots are on their way, so that it knows which waiters will be served without
 * further ado. */
void slot_pool_set_starting(struct slot_pool *pool, unsigned starting);

/* Reads the counters, and arms the hook `demand` again. */
void slot_pool_counts(struct slot_pool *pool, struct slot_counts *ret_counts);

/* Fails every waiter with a copy of `error` (the function cannot load). Returns how many. */
unsigned slot_pool_fail_waiters(struct slot_pool *pool, const struct error *error);

/* Moves the waiters of `old` to `successor` and sends later acquires there: a new revision takes over. Groups
 * stay where they are. */
void slot_pool_replace(struct slot_pool *old, struct slot_pool *successor);

#endif
