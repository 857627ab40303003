#include "routing/slot_pool.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* How far down the idle stack acquire looks for a slot that the caller's own event loop watches. */
#define HOME_SEARCH_DEPTH 16

/* The weight of one service time in the smoothed one, as a power of two. */
#define SERVICE_SHIFT 3

struct slot_group {
    struct slot_pool *pool;
    struct slot_group *next, *previous; /* groups that are not retired */
    uint64_t instance;
    unsigned slots, busy;
    unsigned awaited; /* connections that its runner is to open yet */
    uint64_t idle_since_ms;
    uint64_t uses;
    bool retired;
    bool tell; /* the hook `drained` is due when the last busy slot comes back */
};

struct slot_pool {
    pthread_mutex_t lock;
    _Atomic unsigned users;  /* public references */
    _Atomic unsigned memory; /* one for all users, one for each slot */
    _Atomic uint64_t revision;
    struct slot_pool_hooks hooks;
    struct slot *newest, *oldest; /* the idle stack; acquire takes the newest */
    struct slot_waiter *first, *last;
    struct slot_group *groups;
    struct slot_pool *successor; /* a reference; acquires go there */
    struct slot_counts counts;   /* oldest_wait_since_ms is made when read */
    unsigned announced;          /* of counts.starting: what the fleet has told; the rest is awaited */
    bool demand_told;
    const char *limit;     /* static */
    struct error *trouble; /* what keeps the waiters waiting; NULL: nothing that is known */
    struct error *closed;  /* what every request is told; NULL: it is open */
};

/* A waiter's `pool` changes only under this lock, so that cancelling finds the pool that holds it. */
static pthread_mutex_t waiter_moves = PTHREAD_MUTEX_INITIALIZER;

/* What is left to do after the pool's lock was given back. */
struct afterwards {
    struct slot *closed;          /* chained by `older` */
    struct slot_waiter *notified; /* chained by `next` */
    bool on_home;                 /* this is the thread of the worker that watches the granted slot */
    bool demand;
    enum slot_fate lost; /* SLOT_REUSABLE: none */
    uint64_t lost_instance;
    bool drained;
    uint64_t drained_instance;
};

struct slot_pool *slot_pool_create(const struct slot_pool_hooks *hooks)
{
    struct slot_pool *pool = xcalloc(1, sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    atomic_init(&pool->users, 1);
    atomic_init(&pool->memory, 1);
    pool->hooks = *hooks;
    return pool;
}

void slot_pool_set_revision(struct slot_pool *pool, uint64_t revision)
{
    atomic_store_explicit(&pool->revision, revision, memory_order_relaxed);
}

uint64_t slot_pool_revision(const struct slot_pool *pool)
{
    return atomic_load_explicit(&pool->revision, memory_order_relaxed);
}

struct slot_pool *slot_pool_ref(struct slot_pool *pool)
{
    atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);
    return pool;
}

static void drop_memory(struct slot_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->memory, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&pool->lock);
    if (pool->hooks.destroyed)
        pool->hooks.destroyed(pool->hooks.context);
    free(pool->trouble);
    free(pool->closed);
    free(pool);
}

struct slot *slot_ref(struct slot *slot)
{
    atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    return slot;
}

void slot_unref(struct slot *slot)
{
    if (atomic_fetch_sub_explicit(&slot->refs, 1, memory_order_acq_rel) != 1)
        return;
    close(slot->fd);
    drop_memory(slot->pool);
    free(slot);
}

uint64_t slot_instance(const struct slot *slot)
{
    return slot->group->instance;
}

bool slot_is_wanted(const struct slot *slot)
{
    struct slot_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    bool wanted = pool->counts.waiting > 0;
    pthread_mutex_unlock(&pool->lock);
    return wanted;
}

/* --- under the lock --- */

static void push_newest(struct slot_pool *pool, struct slot *slot)
{
    slot->idle = true;
    slot->newer = NULL;
    slot->older = pool->newest;
    if (pool->newest)
        pool->newest->newer = slot;
    else
        pool->oldest = slot;
    pool->newest = slot;
    pool->counts.idle++;
}

static void push_oldest(struct slot_pool *pool, struct slot *slot)
{
    slot->idle = true;
    slot->older = NULL;
    slot->newer = pool->oldest;
    if (pool->oldest)
        pool->oldest->older = slot;
    else
        pool->newest = slot;
    pool->oldest = slot;
    pool->counts.idle++;
}

static void take_idle(struct slot_pool *pool, struct slot *slot)
{
    if (slot->newer)
        slot->newer->older = slot->older;
    else
        pool->newest = slot->older;
    if (slot->older)
        slot->older->newer = slot->newer;
    else
        pool->oldest = slot->newer;
    slot->newer = slot->older = NULL;
    slot->idle = false;
    pool->counts.idle--;
}

static void enqueue(struct slot_pool *pool, struct slot_waiter *waiter)
{
    waiter->queued = true;
    waiter->next = NULL;
    waiter->previous = pool->last;
    if (pool->last)
        pool->last->next = waiter;
    else
        pool->first = waiter;
    pool->last = waiter;
    pool->counts.waiting++;
}

static void dequeue(struct slot_pool *pool, struct slot_waiter *waiter)
{
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        pool->first = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        pool->last = waiter->previous;
    waiter->next = waiter->previous = NULL;
    waiter->queued = false;
    pool->counts.waiting--;
}

static void begin_use(struct slot_pool *pool, struct slot *slot)
{
    slot->group->busy++;
    slot->group->uses++;
    pool->counts.busy++;
}

static void end_use(struct slot_pool *pool, struct slot *slot, uint64_t now_ms)
{
    pool->counts.busy--;
    if (--slot->group->busy == 0)
        slot->group->idle_since_ms = now_ms;
}

static void notify_later(struct afterwards *after, struct slot_waiter *waiter)
{
    waiter->next = after->notified;
    after->notified = waiter;
}

/* Hands the slot to the oldest waiter, if there is one. */
static bool grant(struct slot_pool *pool, struct slot *slot, struct afterwards *after)
{
    struct slot_waiter *waiter = pool->first;
    if (!waiter)
        return false;
    dequeue(pool, waiter);
    begin_use(pool, slot);
    waiter->slot = slot;
    notify_later(after, waiter);
    return true;
}

static void note_demand(struct slot_pool *pool, struct afterwards *after)
{
    if (pool->demand_told || pool->counts.waiting <= pool->counts.starting)
        return;
    pool->demand_told = true;
    after->demand = true;
}

static void set_awaited(struct slot_pool *pool, struct slot_group *group, unsigned awaited)
{
    pool->counts.starting += awaited - group->awaited;
    group->awaited = awaited;
}

static void unlink_group(struct slot_pool *pool, struct slot_group *group)
{
    if (group->previous)
        group->previous->next = group->next;
    else
        pool->groups = group->next;
    if (group->next)
        group->next->previous = group->previous;
    group->next = group->previous = NULL;
    if (group->slots > 0)
        pool->counts.instances--;
}

static void free_group_if_over(struct slot_group *group)
{
    if (group->retired && group->slots == 0)
        free(group);
}

/* Takes a slot that is neither idle nor busy away from its group, to be closed afterwards. What happens to
 * one connection of a group that is still opening others may happen to all. */
static void discard(struct slot_pool *pool, struct slot *slot, enum slot_fate fate, struct afterwards *after)
{
    struct slot_group *group = slot->group;
    slot->group = NULL;
    slot->older = after->closed;
    after->closed = slot;
    after->lost = fate;
    after->lost_instance = group->instance;
    if (fate != SLOT_BROKEN)
        set_awaited(pool, group, 0);
    if (--group->slots == 0 && !group->retired)
        pool->counts.instances--;
    if (!group->retired)
        note_demand(pool, after);
    if (group->retired && group->busy == 0 && group->tell) {
        group->tell = false;
        after->drained = true;
        after->drained_instance = group->instance;
    }
    free_group_if_over(group);
}

static void discard_idle_of(struct slot_pool *pool, struct slot_group *group, struct afterwards *after)
{
    for (struct slot *slot = pool->newest, *older; slot; slot = older) {
        older = slot->older;
        if (slot->group != group)
            continue;
        take_idle(pool, slot);
        slot->group = NULL;
        slot->older = after->closed;
        after->closed = slot;
        group->slots--;
    }
}

static void retire(struct slot_pool *pool, struct slot_group *group, bool tell, struct afterwards *after)
{
    unlink_group(pool, group);
    set_awaited(pool, group, 0);
    group->retired = true;
    group->tell = tell && group->busy > 0;
    if (tell && group->busy == 0) {
        after->drained = true;
        after->drained_instance = group->instance;
    }
    discard_idle_of(pool, group, after);
    note_demand(pool, after);
    free_group_if_over(group);
}

/* --- after the lock --- */

static void close_slots(struct slot *slot)
{
    while (slot) {
        struct slot *next = slot->older;
        slot->older = NULL;
        if (slot->watcher)
            slot->watcher->closing(slot);
        slot_unref(slot);
        slot = next;
    }
}

static void notify(struct slot_waiter *waiter, bool on_home)
{
    struct slot *slot = waiter->slot;
    if (on_home && slot && slot->watcher && slot->home != waiter->home)
        slot->watcher->moving(slot);
    mailbox_post(waiter->inbox, &waiter->mail);
}

/* The list was built newest first; the oldest waiter is told first. */
static void notify_waiters(struct slot_waiter *waiter, bool on_home)
{
    struct slot_waiter *reversed = NULL;
    while (waiter) {
        struct slot_waiter *next = waiter->next;
        waiter->next = reversed;
        reversed = waiter;
        waiter = next;
    }
    while (reversed) {
        struct slot_waiter *next = reversed->next;
        reversed->next = NULL;
        notify(reversed, on_home);
        reversed = next;
    }
}

/* The pool may be gone after the last slot was closed, so `hooks` is a copy. */
static void carry_out(struct afterwards *after, const struct slot_pool_hooks *hooks)
{
    notify_waiters(after->notified, after->on_home);
    if (after->lost != SLOT_REUSABLE && hooks->lost)
        hooks->lost(hooks->context, after->lost_instance, after->lost);
    if (after->demand && hooks->demand)
        hooks->demand(hooks->context);
    if (after->drained && hooks->drained)
        hooks->drained(hooks->context, after->drained_instance);
    close_slots(after->closed);
}

static void unlock(struct slot_pool *pool, struct afterwards *after)
{
    struct slot_pool_hooks hooks = pool->hooks;
    pthread_mutex_unlock(&pool->lock);
    carry_out(after, &hooks);
}

/* --- workers --- */

/* Among the newest slots of the most recently used instance, one that `home` watches; else the newest. */
static struct slot *choose_idle(const struct slot_pool *pool, int home)
{
    struct slot *newest = pool->newest;
    struct slot *slot = newest;
    for (int depth = 0; slot && depth < HOME_SEARCH_DEPTH; depth++, slot = slot->older) {
        if (slot->group == newest->group && slot->home == home)
            return slot;
    }
    return newest;
}

static struct error *copy_error(const struct error *error)
{
    struct error *copy = xmalloc(sizeof(*copy));
    *copy = *error;
    return copy;
}

/* Makes it a waiter of this pool, in the queue or on its way out of it. */
static void become_waiter(struct slot_pool *pool, int home, uint64_t now_ms, struct slot_waiter *waiter)
{
    waiter->pool = slot_pool_ref(pool);
    waiter->slot = NULL;
    waiter->error = NULL;
    waiter->home = home;
    waiter->joined_ms = now_ms;
    waiter->cold = pool->counts.instances == 0;
    waiter->queued = false;
}

enum slot_acquire slot_pool_acquire(struct slot_pool *pool, int home, uint64_t now_ms,
                                    struct slot_waiter *waiter, struct slot **ret_slot)
{
    struct afterwards after = {0};
    enum slot_acquire result;
    pthread_mutex_lock(&pool->lock);
    if (pool->successor) {
        struct slot_pool *successor = slot_pool_ref(pool->successor);
        pthread_mutex_unlock(&pool->lock);
        result = slot_pool_acquire(successor, home, now_ms, waiter, ret_slot);
        slot_pool_unref(successor);
        return result;
    }
    if (pool->closed) {
        become_waiter(pool, home, now_ms, waiter);
        waiter->error = copy_error(pool->closed);
        notify_later(&after, waiter);
        result = SLOT_QUEUED;
    } else if (pool->newest) {
        struct slot *slot = choose_idle(pool, home);
        take_idle(pool, slot);
        begin_use(pool, slot);
        *ret_slot = slot;
        result = SLOT_TAKEN;
    } else if (pool->counts.waiting >= waiter->queue_length) {
        pool->counts.refused++;
        result = SLOT_REFUSED;
    } else {
        become_waiter(pool, home, now_ms, waiter);
        enqueue(pool, waiter);
        note_demand(pool, &after);
        result = SLOT_QUEUED;
    }
    unlock(pool, &after);
    return result;
}

bool slot_pool_cancel(struct slot_waiter *waiter)
{
    pthread_mutex_lock(&waiter_moves);
    struct slot_pool *pool = waiter->pool;
    pthread_mutex_lock(&pool->lock);
    bool queued = waiter->queued;
    if (queued) {
        dequeue(pool, waiter);
        waiter->limit = pool->limit;
        waiter->pool = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&waiter_moves);
    if (queued)
        slot_pool_unref(pool);
    return queued;
}

static void note_service(struct slot_counts *counts, uint64_t service_us)
{
    if (service_us == 0)
        return;
    counts->completed++;
    if (counts->service_us == 0)
        counts->service_us = service_us;
    else
        counts->service_us += (service_us >> SERVICE_SHIFT) - (counts->service_us >> SERVICE_SHIFT);
}

void slot_pool_release(struct slot *slot, enum slot_fate fate, uint64_t now_ms, uint64_t service_us)
{
    struct slot_pool *pool = slot->pool;
    struct afterwards after = {.on_home = true};
    slot->uses++;
    pthread_mutex_lock(&pool->lock);
    end_use(pool, slot, now_ms);
    note_service(&pool->counts, service_us);
    if (fate != SLOT_REUSABLE || slot->group->retired)
        discard(pool, slot, fate, &after);
    else if (!grant(pool, slot, &after))
        push_newest(pool, slot);
    unlock(pool, &after);
}

bool slot_pool_drop_idle(struct slot *slot, const void *link)
{
    struct slot_pool *pool = slot->pool;
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    bool mine = slot->idle && slot->link == link;
    if (mine) {
        take_idle(pool, slot);
        discard(pool, slot, SLOT_DROPPED, &after);
    }
    unlock(pool, &after);
    return mine;
}

/* --- control thread --- */

struct slot_group *slot_pool_add_group(struct slot_pool *pool, uint64_t instance)
{
    struct slot_group *group = xcalloc(1, sizeof(*group));
    group->pool = pool;
    group->instance = instance;
    pthread_mutex_lock(&pool->lock);
    group->next = pool->groups;
    if (pool->groups)
        pool->groups->previous = group;
    pool->groups = group;
    pthread_mutex_unlock(&pool->lock);
    return group;
}

void slot_pool_add_slot(struct slot_group *group, int fd, uint64_t now_ms)
{
    struct slot_pool *pool = group->pool;
    struct afterwards after = {0};
    struct slot *slot = xcalloc(1, sizeof(*slot));
    slot->fd = fd;
    slot->pool = pool;
    slot->group = group;
    slot->home = -1;
    atomic_init(&slot->refs, 1);
    atomic_fetch_add_explicit(&pool->memory, 1, memory_order_relaxed);

    pthread_mutex_lock(&pool->lock);
    if (group->slots++ == 0) {
        pool->counts.instances++;
        group->idle_since_ms = now_ms;
    }
    if (group->awaited > 0)
        set_awaited(pool, group, group->awaited - 1);
    /* At the bottom: a new instance takes load only when the used ones have no room. */
    if (!grant(pool, slot, &after))
        push_oldest(pool, slot);
    unlock(pool, &after);
}

bool slot_pool_retire_group(struct slot_group *group, enum slot_retire how)
{
    struct slot_pool *pool = group->pool;
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    bool possible = how == RETIRE_DRAIN || group->busy == 0;
    if (possible)
        retire(pool, group, how == RETIRE_DRAIN, &after);
    unlock(pool, &after);
    return possible;
}

void slot_group_await(struct slot_group *group, unsigned slots)
{
    pthread_mutex_lock(&group->pool->lock);
    set_awaited(group->pool, group, slots);
    pthread_mutex_unlock(&group->pool->lock);
}

unsigned slot_group_settle(struct slot_group *group)
{
    struct slot_pool *pool = group->pool;
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    set_awaited(pool, group, 0);
    unsigned slots = group->slots;
    note_demand(pool, &after);
    unlock(pool, &after);
    return slots;
}

static struct slot *idle_of(const struct slot_pool *pool, const struct slot_group *group)
{
    struct slot *slot = pool->oldest;
    while (slot && slot->group != group)
        slot = slot->newer;
    return slot;
}

bool slot_pool_borrow(struct slot_group *group, struct slot_loan *ret_loan)
{
    struct slot_pool *pool = group->pool;
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = group->busy == 0 ? idle_of(pool, group) : NULL;
    if (slot) {
        take_idle(pool, slot);
        begin_use(pool, slot);
        *ret_loan = (struct slot_loan){slot, group->idle_since_ms, group->uses};
    }
    pthread_mutex_unlock(&pool->lock);
    if (slot && slot->watcher)
        slot->watcher->leaving(slot);
    return slot != NULL;
}

void slot_pool_return(const struct slot_loan *loan, enum slot_fate fate, uint64_t now_ms)
{
    struct slot *slot = loan->slot;
    struct slot_pool *pool = slot->pool;
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    bool alone = slot->group->uses == loan->uses;
    end_use(pool, slot, alone ? loan->idle_since_ms : now_ms);
    if (fate != SLOT_REUSABLE || slot->group->retired)
        discard(pool, slot, fate, &after);
    else if (!grant(pool, slot, &after))
        push_oldest(pool, slot);
    unlock(pool, &after);
}

void slot_group_usage(const struct slot_group *group, unsigned *ret_slots, unsigned *ret_busy,
                      uint64_t *ret_idle_since_ms)
{
    pthread_mutex_lock(&group->pool->lock);
    *ret_slots = group->slots;
    *ret_busy = group->busy;
    *ret_idle_since_ms = group->busy > 0 ? 0 : group->idle_since_ms;
    pthread_mutex_unlock(&group->pool->lock);
}

void slot_pool_set_starting(struct slot_pool *pool, unsigned starting)
{
    pthread_mutex_lock(&pool->lock);
    pool->counts.starting += starting - pool->announced;
    pool->announced = starting;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_counts(struct slot_pool *pool, struct slot_counts *ret_counts)
{
    pthread_mutex_lock(&pool->lock);
    *ret_counts = pool->counts;
    ret_counts->oldest_wait_since_ms = pool->first ? pool->first->joined_ms : 0;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_arm_demand(struct slot_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->demand_told = false;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_set_limit(struct slot_pool *pool, const char *limit)
{
    pthread_mutex_lock(&pool->lock);
    pool->limit = limit;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_set_trouble(struct slot_pool *pool, const struct error *trouble)
{
    struct error *copy = trouble ? copy_error(trouble) : NULL;
    pthread_mutex_lock(&pool->lock);
    struct error *former = pool->trouble;
    pool->trouble = copy;
    pthread_mutex_unlock(&pool->lock);
    free(former);
}

bool slot_pool_trouble(struct slot_waiter *waiter, struct error *ret_trouble)
{
    bool known = false;
    pthread_mutex_lock(&waiter_moves);
    struct slot_pool *pool = waiter->pool;
    if (pool) {
        pthread_mutex_lock(&pool->lock);
        known = pool->trouble != NULL;
        if (known)
            *ret_trouble = *pool->trouble;
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&waiter_moves);
    return known;
}

static unsigned fail_queue(struct slot_pool *pool, const struct error *error, struct afterwards *after)
{
    unsigned failed = 0;
    for (struct slot_waiter *waiter; (waiter = pool->first); failed++) {
        dequeue(pool, waiter);
        waiter->error = copy_error(error);
        notify_later(after, waiter);
    }
    return failed;
}

unsigned slot_pool_fail_waiters(struct slot_pool *pool, const struct error *error)
{
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    unsigned failed = fail_queue(pool, error, &after);
    unlock(pool, &after);
    return failed;
}

void slot_pool_close(struct slot_pool *pool, const struct error *error)
{
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    if (!pool->closed)
        pool->closed = copy_error(error);
    fail_queue(pool, error, &after);
    unlock(pool, &after);
}

/* Makes `successor` (a reference, or NULL) the one that serves instead, and takes the queue out. */
static struct slot_waiter *redirect(struct slot_pool *pool, struct slot_pool *successor)
{
    pthread_mutex_lock(&pool->lock);
    struct slot_pool *former = pool->successor;
    pool->successor = successor;
    struct slot_waiter *queue = successor ? pool->first : NULL;
    if (successor) {
        pool->first = pool->last = NULL;
        pool->counts.waiting = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    slot_pool_unref(former);
    return queue;
}

/* Puts a queue that came from elsewhere behind the pool's own, and serves what can be served at once. */
static void adopt_queue(struct slot_pool *pool, struct slot_waiter *queue)
{
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    while (queue) {
        struct slot_waiter *waiter = queue;
        queue = waiter->next;
        waiter->pool = slot_pool_ref(pool);
        enqueue(pool, waiter);
    }
    while (pool->first && pool->newest) {
        struct slot *slot = pool->newest;
        take_idle(pool, slot);
        grant(pool, slot, &after);
    }
    note_demand(pool, &after);
    unlock(pool, &after);
}

void slot_pool_replace(struct slot_pool *old, struct slot_pool *successor)
{
    pthread_mutex_lock(&waiter_moves);
    redirect(successor, NULL);
    struct slot_waiter *queue = redirect(old, slot_pool_ref(successor));
    unsigned moved = 0;
    for (const struct slot_waiter *waiter = queue; waiter; waiter = waiter->next)
        moved++;
    adopt_queue(successor, queue);
    pthread_mutex_unlock(&waiter_moves);
    while (moved-- > 0)
        slot_pool_unref(old); /* what the moved waiters held */
}

/* Nobody can ask for a slot any more: lets go of everything that is not busy. */
static void shut(struct slot_pool *pool)
{
    struct afterwards after = {0};
    pthread_mutex_lock(&pool->lock);
    pool->demand_told = true;
    while (pool->groups)
        retire(pool, pool->groups, false, &after);
    struct slot_pool *successor = pool->successor;
    pool->successor = NULL;
    unlock(pool, &after);
    slot_pool_unref(successor);
    drop_memory(pool);
}

void slot_pool_unref(struct slot_pool *pool)
{
    if (pool && atomic_fetch_sub_explicit(&pool->users, 1, memory_order_acq_rel) == 1)
        shut(pool);
}
