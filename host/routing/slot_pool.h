/*
 * The slot pool of one revision: routing, queueing and the scale-up signal in one place.
 *
 * A slot is one connection to a runner and carries one request at a time. Of an instance that is connected to
 * (slot_group_add_rooms()) it is room for a request, and its connection comes and goes. The pool holds the
 * idle slots as a stack (the most recently used is taken first, so load packs onto few instances and the
 * others fall idle) and the requests that found none as a bounded queue (slot_wait.h). A small mutex guards
 * both; nothing under it blocks or calls out.
 *
 * Threads: workers acquire and release; the control thread adds the slots of instances and retires them
 * (slot_group.h). Functions say who may call them.
 */
#ifndef ROUTING_SLOT_POOL_H
#define ROUTING_SLOT_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct call_book;
struct slot_pool;
struct slot_group; /* the slots of one instance */
struct slot_waiter; /* a request in the queue */

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

/* Where the server of an instance listens. */
struct slot_address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/* One connection to a runner, or room for one. The gateway keeps what it needs for I/O in `link`, made by the
 * first worker that uses the slot. Reference-counted: the pool holds one reference until it closes the slot,
 * and each worker that watches the fd holds one, so that neither the struct nor the descriptor's number can
 * be reused under it. The last one closes the fd. While the slot is busy its user owns `home`, `link` and
 * `watcher`. */
struct slot {
    int fd; /* -1: its user connects it */
    const struct slot_address *address; /* where to, while the slot is idle or busy; NULL: its runner has
                                           connected, once */
    _Atomic unsigned refs;
    struct slot_pool *pool;
    struct slot_group *group; /* valid while the slot is idle or busy */
    TAILQ_ENTRY(slot) entry; /* in the idle stack, or among those that are to be closed */
    bool idle;
    bool keeps; /* its server has answered twice over one connection; its user's */
    unsigned uses; /* requests served over this connection so far */
    int home; /* index of the worker whose event loop watches the fd; -1: none yet */
    void *link; /* the gateway's watch; NULL: none yet */
    const struct slot_watcher *watcher; /* NULL: nobody watches */
};

/* What one struct says of a revision's load: everything the autoscaler decides from. */
struct slot_counts {
    unsigned idle; /* slots nobody uses */
    unsigned busy; /* slots under a request */
    unsigned waiting; /* requests in the queue */
    unsigned starting; /* slots on their way: of instances that start, and those awaited */
    unsigned instances; /* groups that have a slot */
    uint64_t completed; /* requests whose slot was released, since the pool was made */
    uint64_t refused; /* requests turned away because the queue was full */
    uint64_t oldest_wait_since_ms; /* when the oldest waiter joined; 0: none waits */
    uint64_t service_us; /* smoothed time a request keeps its slot; 0: not known yet */
};

enum slot_fate {
    SLOT_REUSABLE, /* the exchange ended cleanly */
    SLOT_BROKEN, /* the connection must be closed; the runner dials again when it is through with it */
    SLOT_DROPPED, /* the runner has closed it, and owed nothing: nobody knows whether it dials again */
    SLOT_LOST, /* the runner has closed it under a request that it owed an answer */
    SLOT_UNREACHED /* nobody has taken the connection that its user made */
};

/* Called without the pool's lock held, on any thread; each must only post mail or the like. */
struct slot_pool_hooks {
    /* A waiter joined that neither an idle nor a starting slot will serve, or a connection was lost and left
     * such waiters. Not repeated until slot_pool_arm_demand(). */
    void (*demand)(void *context);
    /* A connection is gone that the runner has closed, or that was closed because it could not stay
     * (`fate`), also of a draining group. Of a slot that its users connect: only SLOT_LOST and
     * SLOT_UNREACHED. */
    void (*lost)(void *context, uint64_t instance, enum slot_fate fate);
    /* A draining group has released its last busy slot. Once per group. */
    void (*drained)(void *context, uint64_t instance);
    /* The pool's memory is freed: no hook will be called any more. */
    void (*destroyed)(void *context);
    void *context;
};

enum slot_acquire {
    SLOT_TAKEN, /* *ret_slot is the caller's until it releases it */
    SLOT_QUEUED, /* the waiter's mail will come */
    SLOT_REFUSED /* the queue is full */
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

/* Gives a slot back: to the oldest waiter, to the idle stack, or (broken, lost, or its group retired) closed.
 * One that its users connect stays whatever has become of its connection; when that was lost or not made it
 * is the last that is taken. `service_us` is how long the request kept it; 0 when nothing was sent on it. */
void slot_pool_release(struct slot *slot, enum slot_fate fate, uint64_t now_ms, uint64_t service_us);

/* Takes an idle slot out whose connection was seen to close, and closes it. The caller holds a reference, and
 * `link` is its watch. False: the slot is not idle any more, or somebody else watches it now (who will see).
 */
bool slot_pool_drop_idle(struct slot *slot, const void *link);

/* Takes its connection off an idle slot that its users connect; nobody watches it from now on. As above, but
 * the slot stays. Returns the connection, which is the caller's; -1: not idle, or another's. */
int slot_pool_disconnect_idle(struct slot *slot, const void *link);

/* References to one slot, for those who watch its fd. Any thread. */
struct slot *slot_ref(struct slot *slot);
void slot_unref(struct slot *slot);

/* The instance that the slot belongs to. For the slot's user. */
uint64_t slot_instance(const struct slot *slot);

/* True when no other slot of its instance is in use. For the slot's user. */
bool slot_is_alone(const struct slot *slot);

/* The book of its instance's requests that other functions make; NULL: none is kept. For the slot's user. */
struct call_book *slot_calls(const struct slot *slot);

/* True when requests wait for a slot of its pool. For the slot's user. */
bool slot_is_wanted(const struct slot *slot);

/* The revision that the pool serves; 0: not known yet. Any thread. */
uint64_t slot_pool_revision(const struct slot_pool *pool);

/* --- control thread --- */

/* Tells the pool which revision it serves: the first 12 hexadecimal digits of its digest. */
void slot_pool_set_revision(struct slot_pool *pool, uint64_t revision);

/* Reads the counters. Any thread. */
void slot_pool_counts(struct slot_pool *pool, struct slot_counts *ret_counts);

#endif
