#include "routing/slot_pool.h"

#include "base/alloc.h"
#include "routing/slot_pool_inside.h"

/* How far down the idle stack acquire looks for a slot that the caller's own event loop watches. */
#define HOME_SEARCH_DEPTH 16

/* The weight of one service time in the smoothed one, as a power of two. */
#define SERVICE_SHIFT 3

/* --- references --- */

struct slot_pool *slot_pool_create(const struct slot_pool_hooks *hooks)
{
    struct slot_pool *pool = xcalloc(1, sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    atomic_init(&pool->users, 1);
    atomic_init(&pool->memory, 1);
    TAILQ_INIT(&pool->idle);
    TAILQ_INIT(&pool->waiting);
    TAILQ_INIT(&pool->groups);
    pool->hooks = *hooks;
    return pool;
}

struct slot_pool *slot_pool_ref(struct slot_pool *pool)
{
    atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);
    return pool;
}

/* Nobody can ask for a slot any more: lets go of everything that is not busy. */
static void shut(struct slot_pool *pool)
{
    struct afterwards after;
    struct slot_group *group;
    slot_pool_lock(pool, &after);
    pool->demand_told = true;
    while ((group = TAILQ_FIRST(&pool->groups)))
        slot_group_end(group, false, &after);
    struct slot_pool *successor = pool->successor;
    pool->successor = NULL;
    slot_pool_unlock(pool, &after);
    slot_pool_unref(successor);
    slot_pool_drop_memory(pool);
}

void slot_pool_unref(struct slot_pool *pool)
{
    if (pool && atomic_fetch_sub_explicit(&pool->users, 1, memory_order_acq_rel) == 1)
        shut(pool);
}

/* --- taking --- */

/* Among the newest slots of the most recently used instance, one that `home` watches; else the newest. */
static struct slot *choose_idle(const struct slot_pool *pool, int home)
{
    struct slot *newest = TAILQ_FIRST(&pool->idle);
    struct slot *slot = newest;
    for (int depth = 0; slot && depth < HOME_SEARCH_DEPTH; depth++, slot = TAILQ_NEXT(slot, entry)) {
        if (slot->group == newest->group && slot->home == home)
            return slot;
    }
    return newest;
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

static void refuse_closed(const struct slot_pool *pool, struct slot_waiter *waiter, struct afterwards *after)
{
    struct error why;
    error_recall(pool->closed, &why);
    slot_waiter_fail(waiter, &why, after);
}

enum slot_acquire slot_pool_acquire(struct slot_pool *pool, int home, uint64_t now_ms,
                                    struct slot_waiter *waiter, struct slot **ret_slot)
{
    struct afterwards after;
    enum slot_acquire result;
    slot_pool_lock(pool, &after);
    if (pool->successor) {
        struct slot_pool *successor = slot_pool_ref(pool->successor);
        slot_pool_unlock(pool, &after);
        result = slot_pool_acquire(successor, home, now_ms, waiter, ret_slot);
        slot_pool_unref(successor);
        return result;
    }
    if (pool->closed) {
        become_waiter(pool, home, now_ms, waiter);
        refuse_closed(pool, waiter, &after);
        result = SLOT_QUEUED;
    } else if (!TAILQ_EMPTY(&pool->idle)) {
        struct slot *slot = choose_idle(pool, home);
        slot_take_idle(slot);
        slot_begin_use(slot);
        *ret_slot = slot;
        result = SLOT_TAKEN;
    } else if (pool->counts.waiting >= waiter->queue_length) {
        pool->counts.refused++;
        result = SLOT_REFUSED;
    } else {
        become_waiter(pool, home, now_ms, waiter);
        slot_waiter_enqueue(waiter);
        slot_pool_note_demand(pool, &after);
        result = SLOT_QUEUED;
    }
    slot_pool_unlock(pool, &after);
    return result;
}

/* --- giving back --- */

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

/* Whoever takes it next had better be of another instance. */
static void keep_unconnected(struct slot *slot, enum slot_fate fate, struct afterwards *after)
{
    after->lost = fate;
    after->lost_instance = slot->group->instance;
    if (!slot_grant(slot, after))
        slot_push_oldest(slot);
}

void slot_pool_release(struct slot *slot, enum slot_fate fate, uint64_t now_ms, uint64_t service_us)
{
    struct slot_pool *pool = slot->pool;
    struct afterwards after;
    slot->uses++;
    slot_pool_lock(pool, &after);
    after.on_home = true;
    slot_end_use(slot, now_ms);
    note_service(&pool->counts, service_us);
    if (slot->group->retired || (fate != SLOT_REUSABLE && !slot->address))
        slot_group_discard(slot, fate, &after);
    else if (fate != SLOT_REUSABLE)
        keep_unconnected(slot, fate, &after);
    else if (!slot_grant(slot, &after))
        slot_push_newest(slot);
    slot_pool_unlock(pool, &after);
}

bool slot_pool_drop_idle(struct slot *slot, const void *link)
{
    struct slot_pool *pool = slot->pool;
    struct afterwards after;
    slot_pool_lock(pool, &after);
    bool mine = slot->idle && slot->link == link;
    if (mine) {
        slot_take_idle(slot);
        slot_group_discard(slot, SLOT_DROPPED, &after);
    }
    slot_pool_unlock(pool, &after);
    return mine;
}

int slot_pool_disconnect_idle(struct slot *slot, const void *link)
{
    struct slot_pool *pool = slot->pool;
    int fd = -1;
    pthread_mutex_lock(&pool->lock);
    if (slot->idle && slot->link == link) {
        fd = slot->fd;
        slot->fd = slot->home = -1;
        slot->link = NULL;
        slot->watcher = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    return fd;
}

/* --- what there is to know --- */

struct call_book *slot_calls(const struct slot *slot)
{
    return slot->group->calls;
}

uint64_t slot_instance(const struct slot *slot)
{
    return slot->group->instance;
}

bool slot_is_alone(const struct slot *slot)
{
    struct slot_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    bool alone = slot->group->busy == 1;
    pthread_mutex_unlock(&pool->lock);
    return alone;
}

bool slot_is_wanted(const struct slot *slot)
{
    struct slot_pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    bool wanted = pool->counts.waiting > 0;
    pthread_mutex_unlock(&pool->lock);
    return wanted;
}

void slot_pool_counts(struct slot_pool *pool, struct slot_counts *ret_counts)
{
    pthread_mutex_lock(&pool->lock);
    const struct slot_waiter *oldest = TAILQ_FIRST(&pool->waiting);
    *ret_counts = pool->counts;
    ret_counts->oldest_wait_since_ms = oldest ? oldest->joined_ms : 0;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_set_revision(struct slot_pool *pool, uint64_t revision)
{
    atomic_store_explicit(&pool->revision, revision, memory_order_relaxed);
}

uint64_t slot_pool_revision(const struct slot_pool *pool)
{
    return atomic_load_explicit(&pool->revision, memory_order_relaxed);
}
