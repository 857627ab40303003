#include "routing/slot_wait.h"

#include "routing/slot_pool_inside.h"

#include <stdlib.h>

/* A waiter's `pool` changes only under this lock, so that cancelling finds the pool that holds it. */
static pthread_mutex_t waiter_moves = PTHREAD_MUTEX_INITIALIZER;

/* --- the waiter --- */

bool slot_waiter_cancel(struct slot_waiter *waiter)
{
    pthread_mutex_lock(&waiter_moves);
    struct slot_pool *pool = waiter->pool;
    pthread_mutex_lock(&pool->lock);
    bool queued = waiter->queued;
    if (queued) {
        slot_waiter_dequeue(waiter);
        waiter->limit = pool->limit;
        waiter->pool = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&waiter_moves);
    if (queued)
        slot_pool_unref(pool);
    return queued;
}

bool slot_waiter_trouble(struct slot_waiter *waiter, struct error *ret_trouble)
{
    bool known = false;
    pthread_mutex_lock(&waiter_moves);
    struct slot_pool *pool = waiter->pool;
    if (pool) {
        pthread_mutex_lock(&pool->lock);
        known = pool->trouble != NULL;
        if (known)
            error_recall(pool->trouble, ret_trouble);
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&waiter_moves);
    return known;
}

/* --- what the fleet says --- */

void slot_pool_set_starting(struct slot_pool *pool, unsigned starting)
{
    pthread_mutex_lock(&pool->lock);
    pool->counts.starting += starting - pool->announced;
    pool->announced = starting;
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
    struct kept_error *kept = trouble ? error_keep(trouble) : NULL;
    pthread_mutex_lock(&pool->lock);
    struct kept_error *former = pool->trouble;
    pool->trouble = kept;
    pthread_mutex_unlock(&pool->lock);
    free(former);
}

/* --- the end of the waiting --- */

static unsigned fail_queue(struct slot_pool *pool, const struct error *error, struct afterwards *after)
{
    unsigned failed = 0;
    for (struct slot_waiter *waiter; (waiter = TAILQ_FIRST(&pool->waiting)); failed++) {
        slot_waiter_dequeue(waiter);
        slot_waiter_fail(waiter, error, after);
    }
    return failed;
}

unsigned slot_pool_fail_waiters(struct slot_pool *pool, const struct error *error)
{
    struct afterwards after;
    slot_pool_lock(pool, &after);
    unsigned failed = fail_queue(pool, error, &after);
    slot_pool_unlock(pool, &after);
    return failed;
}

void slot_pool_close(struct slot_pool *pool, const struct error *error)
{
    struct afterwards after;
    slot_pool_lock(pool, &after);
    if (!pool->closed)
        pool->closed = error_keep(error);
    fail_queue(pool, error, &after);
    slot_pool_unlock(pool, &after);
}

/* --- another pool instead --- */

/* Makes `successor` (a reference, or NULL: none) serve instead, and puts those who wait into `queue`. */
static void redirect(struct slot_pool *pool, struct slot_pool *successor, struct slot_waiters *queue)
{
    pthread_mutex_lock(&pool->lock);
    struct slot_pool *former = pool->successor;
    pool->successor = successor;
    if (successor) {
        TAILQ_CONCAT(queue, &pool->waiting, link);
        pool->counts.waiting = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    slot_pool_unref(former);
}

/* Puts a queue that came from elsewhere behind the pool's own, and serves what can be served at once. Returns
 * how many came. */
static unsigned adopt_queue(struct slot_pool *pool, struct slot_waiters *queue)
{
    struct afterwards after;
    unsigned moved = 0;
    slot_pool_lock(pool, &after);
    for (struct slot_waiter *waiter; (waiter = TAILQ_FIRST(queue)); moved++) {
        TAILQ_REMOVE(queue, waiter, link);
        waiter->pool = slot_pool_ref(pool);
        slot_waiter_enqueue(waiter);
    }
    for (struct slot *slot; (slot = TAILQ_FIRST(&pool->idle)) && !TAILQ_EMPTY(&pool->waiting);) {
        slot_take_idle(slot);
        slot_grant(slot, &after);
    }
    slot_pool_note_demand(pool, &after);
    slot_pool_unlock(pool, &after);
    return moved;
}

/* Until its own requests have shown it: they take as long as those before. */
static void inherit_service(struct slot_pool *pool, struct slot_pool *from)
{
    struct slot_counts former;
    slot_pool_counts(from, &former);
    pthread_mutex_lock(&pool->lock);
    if (pool->counts.service_us == 0)
        pool->counts.service_us = former.service_us;
    pthread_mutex_unlock(&pool->lock);
}

void slot_pool_replace(struct slot_pool *old, struct slot_pool *successor)
{
    inherit_service(successor, old);
    struct slot_waiters queue = TAILQ_HEAD_INITIALIZER(queue);
    pthread_mutex_lock(&waiter_moves);
    redirect(successor, NULL, &queue);
    redirect(old, slot_pool_ref(successor), &queue);
    unsigned moved = adopt_queue(successor, &queue);
    pthread_mutex_unlock(&waiter_moves);
    while (moved-- > 0)
        slot_pool_unref(old); /* what the moved waiters held */
}
