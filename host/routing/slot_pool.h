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
 *     offered (control: accepted and loaded) -> idle or handed to a waiter -> busy -> released: idle, handed
 *     on, or closed when its instance is retired or the connection is no longer usable
 * Life of a waiter:
 *     queued -> granted (its mail brings a slot) | failed (its mail brings an error) | cancelled by its
 * worker
 */
#ifndef ROUTING_SLOT_POOL_H
#define ROUTING_SLOT_POOL_H

#include "base/error.h"
#include "base/mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot_pool;
struct slot_group; /* the slots of one instance */

struct slot;

/* What the gateway wants to know of a slot that it watches. Called without the pool's lock held. */
struct slot_watcher {
    /* On the releasing worker: the slot is about to go to a waiter of another worker. The watch of this
     * worker must end now, with `home` -1 and `link` NULL. */
    void (*moving)(struct slot *slot);
    /* On any thread: the control thread takes the slot, which was idle. The watch ends in its own time, with
     * `home` -1, `link` and `watcher` NULL from now on. */
    void (*leaving)(struct slot *slot);
    /* On any thread: the pool lets go of the slot. The watcher stops watching, on its own thread and in its
     * own time, and then drops its reference. */
    void (*closing)(struct slot *slot);
};

/* One connection to a runner. The gateway keeps what it needs for I/O in `link`, made by the first worker
 * that uses the slot. Reference-counted: the pool holds one reference until it closes the slot, and each
 * worker that watches the fd holds one, so that neither the struct nor the descriptor's number can be reused
 * under it. The last one closes the fd. While the slot is busy its user owns `home`, `link` and `watcher`. */
struct slot {
    int fd;
    _Atomic unsigned refs;
    struct slot_pool *pool;
    struct slot_group *group;   /* valid while the slot is idle or busy */
    struct slot *newer, *older; /* the idle stack */
    bool idle;
    unsigned uses; /* requests served over this connection so far */
    int home;      /* index of the worker whose event loop watches the fd; -1: none yet */
    void *link;    /* the gateway's watch; NULL: none yet */
    const struct slot_watcher *watcher; /* NULL: nobody watches */
};

/* A request in the queue. Embedded in the gateway's exchange; touched by the pool only between acquire and
 * its mail. */
struct slot_waiter {
    struct mail
        mail; /* delivered to the mailbox below when the waiting is over; set mail.deliver before acquire */
    struct mailbox *inbox; /* of the worker that waits */
    unsigned queue_length; /* so many wait at most, this one among them; set it before acquire, too */
    struct slot_waiter *next, *previous;
    struct slot_pool *pool; /* a reference to the pool it waits in (another one when its revision is
                               replaced); the waiter drops it when its mail has come */
    struct slot *slot;      /* granted: the slot, owned by the waiter */
    struct error *error;    /* failed: why; the waiter frees it */
    bool queued;
    int home; /* index of the worker that waits */
    uint64_t joined_ms;
    bool cold;         /* no instance was ready when it joined */
    const char *limit; /* cancelled: the setting that kept it waiting, as last told by the fleet, or NULL */
};

/* What one struct says of a revision's load: everything the autoscaler decides from. */
struct slot_counts {
    unsigned idle;                 /* slots nobody uses */
    unsigned busy;                 /* slots under a request */
    unsigned waiting;              /* requests in the queue */
    unsigned starting;             /* slots on their way: of instances that start, and those awaited */
    unsigned instances;            /* groups that have a slot */
    uint64_t completed;            /* requests whose slot was released, since the pool was made */
    uint64_t refused;              /* requests turned away because the queue was full */
    uint64_t oldest_wait_since_ms; /* when the oldest waiter joined; 0: none waits */
    uint64_t service_us;           /* smoothed time a request keeps its slot; 0: not known yet */
};

enum slot_fate {
    SLOT_REUSABLE, /* the exchange ended cleanly */
    SLOT_BROKEN,   /* the connection must be closed; the runner dials again when it is through with it */
    SLOT_DROPPED,  /* the runner has closed it, and owed nothing: nobody knows whether it dials again */
    SLOT_LOST      /* the runner has closed it under a request that it owed an answer */
};

/* Called without the pool's lock held, on any thread; each must only post mail or the like. */
struct slot_pool_hooks {
    /* A waiter joined that neither an idle nor a starting slot will serve, or a connection was lost and left
     * such waiters. Not repeated until slot_pool_arm_demand(). */
    void (*demand)(void *context);
    /* A connection is gone that the runner has closed, or that was closed because it could not stay
     * (`fate`), also of a draining group. */
    void (*lost)(void *context, uint64_t instance, enum slot_fate fate);
    /* A draining group has released its last busy slot. Once per group. */
    void (*drained)(void *context, uint64_t instance);
    /* The pool's memory is freed: no hook will be called any more. */
    void (*destroyed)(void *context);
    void *context;
};

enum slot_acquire {
    SLOT_TAKEN,  /* *ret_slot is the caller's until it releases it */
    SLOT_QUEUED, /* the waiter's mail will come */
    SLOT_REFUSED /* the queue is full */
};

enum slot_retire {
    RETIRE_IF_IDLE, /* only when no slot of the group is busy; else nothing happens */
    RETIRE_DRAIN    /* take no new request; busy slots close when they are released */
};

/* A pool with one reference, the caller's. `hooks` is copied. Any thread. */
struct slot_pool *slot_pool_create(const struct slot_pool_hooks *hooks);

/* References are held by the fleet, by route snapshots and by waiters. When the last one goes, groups that
 * were not retired drain without a word, and the memory follows when the last slot is closed. Any thread. */
struct slot_pool *slot_pool_ref(struct slot_pool *pool);
void slot_pool_unref(struct slot_pool *pool);

/* --- workers --- */

/* Takes the best idle slot for the worker `home`, or joins the queue. `waiter` is untouched when SLOT_TAKEN;
 * its `mail.deliver`, `inbox` and `queue_length` must be set. Among the idle slots of the most recently used
 * instance one that `home` already watches is preferred. */
enum slot_acquire slot_pool_acquire(struct slot_pool *pool, int home, uint64_t now_ms,
                                    struct slot_waiter *waiter, struct slot **ret_slot);

/* Takes the waiter out of the queue and drops its reference to the pool. False: its mail is on the way
 * already, and the worker must take and release what it brings. */
bool slot_pool_cancel(struct slot_waiter *waiter);

/* What keeps the waiter waiting, as last told by the fleet. False: nothing that is known. Before its mail was
 * delivered and before slot_pool_cancel(). */
bool slot_pool_trouble(struct slot_waiter *waiter, struct error *ret_trouble);

/* Gives a slot back: to the oldest waiter, to the idle stack, or (broken, lost, or its group retired) closed.
 * `service_us` is how long the request kept it; 0 when nothing was sent on it. */
void slot_pool_release(struct slot *slot, enum slot_fate fate, uint64_t now_ms, uint64_t service_us);

/* Takes an idle slot out whose connection was seen to close, and closes it. The caller holds a reference, and
 * `link` is its watch. False: the slot is not idle any more, or somebody else watches it now (who will see).
 */
bool slot_pool_drop_idle(struct slot *slot, const void *link);

/* The revision that the pool serves; 0: not known yet. Any thread. */
uint64_t slot_pool_revision(const struct slot_pool *pool);

/* References to one slot, for those who watch its fd. Any thread. */
struct slot *slot_ref(struct slot *slot);
void slot_unref(struct slot *slot);

/* The instance that the slot belongs to. For the slot's user. */
uint64_t slot_instance(const struct slot *slot);

/* True when requests wait for a slot of its pool. For the slot's user. */
bool slot_is_wanted(const struct slot *slot);

/* --- control thread --- */

/* A group for an instance, without slots yet. Freed by the pool once retired and empty. The caller holds a
 * reference to the pool meanwhile. */
struct slot_group *slot_pool_add_group(struct slot_pool *pool, uint64_t instance);

/* Adds a connection whose runner has loaded the function. The pool owns the fd (non-blocking, close-on-exec)
 * from now on. */
void slot_pool_add_slot(struct slot_group *group, int fd, uint64_t now_ms);

/* Ends a group. RETIRE_IF_IDLE returns false, and does nothing, when a slot is busy. After true (always for
 * RETIRE_DRAIN) no new request reaches the instance, and the group must not be used by the caller any more;
 * with RETIRE_DRAIN the hook `drained` follows (at once when nothing is busy, from within this call). */
bool slot_pool_retire_group(struct slot_group *group, enum slot_retire how);

/* The group's runner is to open as many further connections: until they are there, or one is gone, they count
 * among the slots on their way. */
void slot_group_await(struct slot_group *group, unsigned slots);

/* The runner has had its time: what it has not opened will not come. Returns how many slots it has. */
unsigned slot_group_settle(struct slot_group *group);

/* An idle slot that the control thread uses for a while, so that it counts as busy. */
struct slot_loan {
    struct slot *slot; /* NULL: none */
    uint64_t idle_since_ms;
    uint64_t uses; /* of its group, as it began */
};

/* Takes an idle slot of a group that has no busy one. False: there is none. */
bool slot_pool_borrow(struct slot_group *group, struct slot_loan *ret_loan);

/* Gives it back. Unless another slot of the group was used meanwhile, the group counts as idle since before.
 */
void slot_pool_return(const struct slot_loan *loan, enum slot_fate fate, uint64_t now_ms);

/* How many slots the group has, and since when none was busy (0: one is busy now). */
void slot_group_usage(const struct slot_group *group, unsigned *ret_slots, unsigned *ret_busy,
                      uint64_t *ret_idle_since_ms);

/* Tells the pool how many slots are on their way in instances that start, so that it knows which waiters will
 * be served without further ado. */
void slot_pool_set_starting(struct slot_pool *pool, unsigned starting);

/* Reads the counters. */
void slot_pool_counts(struct slot_pool *pool, struct slot_counts *ret_counts);

/* Arms the hook `demand` again: for whoever it told, before looking at the counters, so that no waiter is
 * missed. */
void slot_pool_arm_demand(struct slot_pool *pool);

/* Tells the pool which revision it serves: the first 12 hexadecimal digits of its digest. */
void slot_pool_set_revision(struct slot_pool *pool, uint64_t revision);

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
 * stay where they are. A successor that had itself been replaced (a roll-back) serves again. */
void slot_pool_replace(struct slot_pool *old, struct slot_pool *successor);

#endif
