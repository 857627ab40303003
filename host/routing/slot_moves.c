#include "routing/slot_pool_inside.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <unistd.h>

/* --- lifetimes --- */

void slot_pool_drop_memory(struct slot_pool *pool)
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
    if (slot->fd >= 0)
        close(slot->fd);
    slot_pool_drop_memory(slot->pool);
    free(slot);
}

/* --- under the lock --- */

void slot_push_newest(struct slot *slot)
{
    slot->idle = true;
    TAILQ_INSERT_HEAD(&slot->pool->idle, slot, entry);
    slot->pool->counts.idle++;
}

void slot_push_oldest(struct slot *slot)
{
    slot->idle = true;
    TAILQ_INSERT_TAIL(&slot->pool->idle, slot, entry);
    slot->pool->counts.idle++;
}

void slot_take_idle(struct slot *slot)
{
    TAILQ_REMOVE(&slot->pool->idle, slot, entry);
    slot->idle = false;
    slot->pool->counts.idle--;
}

void slot_begin_use(struct slot *slot)
{
    slot->group->busy++;
    slot->group->uses++;
    slot->pool->counts.busy++;
}

void slot_end_use(struct slot *slot, uint64_t now_ms)
{
    slot->pool->counts.busy--;
    if (--slot->group->busy == 0)
        slot->group->idle_since_ms = now_ms;
}

void slot_waiter_enqueue(struct slot_waiter *waiter)
{
    waiter->queued = true;
    TAILQ_INSERT_TAIL(&waiter->pool->waiting, waiter, link);
    waiter->pool->counts.waiting++;
}

void slot_waiter_dequeue(struct slot_waiter *waiter)
{
    TAILQ_REMOVE(&waiter->pool->waiting, waiter, link);
    waiter->queued = false;
    waiter->pool->counts.waiting--;
}

bool slot_grant(struct slot *slot, struct afterwards *after)
{
    struct slot_waiter *waiter = TAILQ_FIRST(&slot->pool->waiting);
    if (!waiter)
        return false;
    slot_waiter_dequeue(waiter);
    slot_begin_use(slot);
    waiter->slot = slot;
    TAILQ_INSERT_TAIL(&after->notified, waiter, link);
    return true;
}

void slot_waiter_fail(struct slot_waiter *waiter, const struct error *error, struct afterwards *after)
{
    waiter->error = xmalloc(sizeof(*waiter->error));
    *waiter->error = *error;
    TAILQ_INSERT_TAIL(&after->notified, waiter, link);
}

void slot_pool_note_demand(struct slot_pool *pool, struct afterwards *after)
{
    if (pool->demand_told || pool->counts.waiting <= pool->counts.starting)
        return;
    pool->demand_told = true;
    after->demand = true;
}

/* --- after the lock --- */

static void notify(struct slot_waiter *waiter, bool on_home)
{
    struct slot *slot = waiter->slot;
    if (on_home && slot && slot->watcher && slot->home != waiter->home)
        slot->watcher->moving(slot);
    mailbox_post(waiter->inbox, &waiter->mail);
}

/* A waiter may be gone as soon as it is notified. */
static void notify_waiters(struct slot_waiters *waiters, bool on_home)
{
    struct slot_waiter *waiter;
    while ((waiter = TAILQ_FIRST(waiters))) {
        TAILQ_REMOVE(waiters, waiter, link);
        notify(waiter, on_home);
    }
}

static void close_slots(struct slot_list *slots)
{
    struct slot *slot;
    while ((slot = TAILQ_FIRST(slots))) {
        TAILQ_REMOVE(slots, slot, entry);
        if (slot->watcher)
            slot->watcher->closing(slot);
        slot_unref(slot);
    }
}

/* The pool may be gone after the last slot was closed, so `hooks` is a copy. */
static void carry_out(struct afterwards *after, const struct slot_pool_hooks *hooks)
{
    notify_waiters(&after->notified, after->on_home);
    if (after->lost != SLOT_REUSABLE && hooks->lost)
        hooks->lost(hooks->context, after->lost_instance, after->lost);
    if (after->demand && hooks->demand)
        hooks->demand(hooks->context);
    if (after->drained && hooks->drained)
        hooks->drained(hooks->context, after->drained_instance);
    close_slots(&after->closed);
}

void slot_pool_lock(struct slot_pool *pool, struct afterwards *ret_after)
{
    *ret_after = (struct afterwards){.lost = SLOT_REUSABLE};
    TAILQ_INIT(&ret_after->closed);
    TAILQ_INIT(&ret_after->notified);
    pthread_mutex_lock(&pool->lock);
}

void slot_pool_unlock(struct slot_pool *pool, struct afterwards *after)
{
    struct slot_pool_hooks hooks = pool->hooks;
    pthread_mutex_unlock(&pool->lock);
    carry_out(after, &hooks);
}
