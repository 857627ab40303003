#include "routing/slot_group.h"

#include "base/alloc.h"
#include "routing/slot_pool_inside.h"

#include <stdlib.h>

/* --- under the lock --- */

static void set_awaited(struct slot_group *group, unsigned awaited)
{
    group->pool->counts.starting += awaited - group->awaited;
    group->awaited = awaited;
}

static void free_if_over(struct slot_group *group)
{
    if (!group->retired || group->slots > 0)
        return;
    call_book_unref(group->calls);
    free(group);
}

static void note_drained(const struct slot_group *group, struct afterwards *after)
{
    after->drained = true;
    after->drained_instance = group->instance;
}

static void take_away(struct slot *slot, struct afterwards *after)
{
    slot->group->slots--;
    slot->group = NULL;
    TAILQ_INSERT_TAIL(&after->closed, slot, entry);
}

/* What happens to one connection of a group that is still opening others may happen to all. */
void slot_group_discard(struct slot *slot, enum slot_fate fate, struct afterwards *after)
{
    struct slot_group *group = slot->group;
    struct slot_pool *pool = group->pool;
    take_away(slot, after);
    after->lost = fate;
    after->lost_instance = group->instance;
    if (fate != SLOT_BROKEN)
        set_awaited(group, 0);
    if (group->slots == 0 && !group->retired)
        pool->counts.instances--;
    if (!group->retired)
        slot_pool_note_demand(pool, after);
    if (group->retired && group->busy == 0 && group->tell) {
        group->tell = false;
        note_drained(group, after);
    }
    free_if_over(group);
}

static void discard_idle(struct slot_group *group, struct afterwards *after)
{
    struct slot *older;
    for (struct slot *slot = TAILQ_FIRST(&group->pool->idle); slot; slot = older) {
        older = TAILQ_NEXT(slot, entry);
        if (slot->group != group)
            continue;
        slot_take_idle(slot);
        take_away(slot, after);
    }
}

void slot_group_end(struct slot_group *group, bool tell, struct afterwards *after)
{
    struct slot_pool *pool = group->pool;
    TAILQ_REMOVE(&pool->groups, group, link);
    if (group->slots > 0)
        pool->counts.instances--;
    set_awaited(group, 0);
    group->retired = true;
    group->tell = tell && group->busy > 0;
    if (tell && group->busy == 0)
        note_drained(group, after);
    discard_idle(group, after);
    slot_pool_note_demand(pool, after);
    free_if_over(group);
}

/* --- control thread --- */

struct slot_group *slot_group_create(struct slot_pool *pool, uint64_t instance)
{
    struct slot_group *group = xcalloc(1, sizeof(*group));
    group->pool = pool;
    group->instance = instance;
    pthread_mutex_lock(&pool->lock);
    TAILQ_INSERT_HEAD(&pool->groups, group, link);
    pthread_mutex_unlock(&pool->lock);
    return group;
}

void slot_group_set_calls(struct slot_group *group, struct call_book *calls)
{
    group->calls = call_book_ref(calls);
}

static struct slot *new_slot(struct slot_group *group, int fd)
{
    struct slot *slot = xcalloc(1, sizeof(*slot));
    slot->fd = fd;
    slot->pool = group->pool;
    slot->group = group;
    slot->home = -1;
    atomic_init(&slot->refs, 1);
    atomic_fetch_add_explicit(&group->pool->memory, 1, memory_order_relaxed);
    return slot;
}

static void add(struct slot *slot, uint64_t now_ms)
{
    struct slot_group *group = slot->group;
    struct slot_pool *pool = group->pool;
    struct afterwards after;
    slot_pool_lock(pool, &after);
    if (group->slots++ == 0) {
        pool->counts.instances++;
        group->idle_since_ms = now_ms;
    }
    if (group->awaited > 0)
        set_awaited(group, group->awaited - 1);
    /* At the bottom: a new instance takes load only when the used ones have no room. */
    if (!slot_grant(slot, &after))
        slot_push_oldest(slot);
    slot_pool_unlock(pool, &after);
}

void slot_group_add_slot(struct slot_group *group, int fd, uint64_t now_ms)
{
    add(new_slot(group, fd), now_ms);
}

void slot_group_add_rooms(struct slot_group *group, const struct slot_address *address, unsigned count,
                          uint64_t now_ms)
{
    group->address = *address;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = new_slot(group, -1);
        slot->address = &group->address;
        add(slot, now_ms);
    }
}

bool slot_group_retire(struct slot_group *group, enum slot_retire how)
{
    struct slot_pool *pool = group->pool;
    struct afterwards after;
    slot_pool_lock(pool, &after);
    bool possible = how == RETIRE_DRAIN || group->busy == 0;
    if (possible)
        slot_group_end(group, how == RETIRE_DRAIN, &after);
    slot_pool_unlock(pool, &after);
    return possible;
}

void slot_group_await(struct slot_group *group, unsigned slots)
{
    pthread_mutex_lock(&group->pool->lock);
    set_awaited(group, slots);
    pthread_mutex_unlock(&group->pool->lock);
}

unsigned slot_group_settle(struct slot_group *group)
{
    struct slot_pool *pool = group->pool;
    struct afterwards after;
    slot_pool_lock(pool, &after);
    set_awaited(group, 0);
    unsigned slots = group->slots;
    slot_pool_note_demand(pool, &after);
    slot_pool_unlock(pool, &after);
    return slots;
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

/* --- loans --- */

static struct slot *oldest_idle(const struct slot_group *group)
{
    struct slot *slot;
    TAILQ_FOREACH_REVERSE(slot, &group->pool->idle, slot_list, entry)
    {
        if (slot->group == group)
            break;
    }
    return slot;
}

bool slot_group_borrow(struct slot_group *group, struct slot_loan *ret_loan)
{
    struct slot_pool *pool = group->pool;
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = group->busy == 0 ? oldest_idle(group) : NULL;
    if (slot) {
        slot_take_idle(slot);
        slot_begin_use(slot);
        *ret_loan = (struct slot_loan){slot, group->idle_since_ms, group->uses};
    }
    pthread_mutex_unlock(&pool->lock);
    if (slot && slot->watcher)
        slot->watcher->leaving(slot);
    return slot != NULL;
}

void slot_group_return(const struct slot_loan *loan, enum slot_fate fate, uint64_t now_ms)
{
    struct slot *slot = loan->slot;
    struct slot_pool *pool = slot->pool;
    struct afterwards after;
    slot_pool_lock(pool, &after);
    bool alone = slot->group->uses == loan->uses;
    slot_end_use(slot, alone ? loan->idle_since_ms : now_ms);
    if (fate != SLOT_REUSABLE || slot->group->retired)
        slot_group_discard(slot, fate, &after);
    else if (!slot_grant(slot, &after))
        slot_push_oldest(slot);
    slot_pool_unlock(pool, &after);
}
