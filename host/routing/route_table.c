#include "routing/route_table.h"

#include "base/alloc.h"
#include "base/suggest.h"
#include "base/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SUGGEST_COUNT_MAX 8

struct entry {
    struct route route;
    struct kept_error *problem; /* owns route.problem */
    UT_hash_handle hh;
};

struct route_snapshot {
    _Atomic unsigned refs;
    struct entry *entries; /* by name */
};

struct route_table {
    pthread_mutex_t lock; /* makes "read current and count a reference" one step */
    struct route_snapshot *_Atomic current;
};

struct route_snapshot *route_snapshot_create(void)
{
    struct route_snapshot *snapshot = xcalloc(1, sizeof(*snapshot));
    atomic_init(&snapshot->refs, 1);
    return snapshot;
}

void route_snapshot_add(struct route_snapshot *snapshot, const struct route *route)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    entry->route = *route;
    entry->route.name = xstrdup(route->name);
    entry->route.problem = entry->problem = error_keep_again(route->problem);
    if (route->pool)
        slot_pool_ref(route->pool);
    HASH_ADD_KEYPTR(hh, snapshot->entries, entry->route.name, strlen(entry->route.name), entry);
}

static struct route_snapshot *snapshot_ref(struct route_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void route_snapshot_unref(struct route_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct entry *entry = snapshot->entries;
    HASH_CLEAR(hh, snapshot->entries);
    while (entry) {
        struct entry *next = entry->hh.next;
        slot_pool_unref(entry->route.pool);
        free(entry->route.name);
        free(entry->problem);
        free(entry);
        entry = next;
    }
    free(snapshot);
}

const struct route *route_snapshot_find(const struct route_snapshot *snapshot, const char *name,
                                        size_t length)
{
    struct entry *entry = NULL;
    HASH_FIND(hh, snapshot->entries, name, length, entry);
    return entry ? &entry->route : NULL;
}

struct candidate {
    const char *name;
    unsigned distance;
};

/* Keeps `nearest` sorted and at most `max` long. Returns the new count. */
static size_t insert_candidate(struct candidate *nearest, size_t count, size_t max, struct candidate new)
{
    size_t at = count;
    while (at > 0 &&
           (nearest[at - 1].distance > new.distance ||
            (nearest[at - 1].distance == new.distance &&strcmp(nearest[at - 1].name, new.name) > 0)))
        at--;
    if (at == max)
        return count;
    size_t kept = count < max ? count : max - 1;
    memmove(&nearest[at + 1], &nearest[at], (kept - at) * sizeof(*nearest));
    nearest[at] = new;
    return kept + 1;
}

size_t route_snapshot_nearest(const struct route_snapshot *snapshot, const char *name, size_t length,
                              bool with_private, const char **ret_names, size_t max)
{
    struct suggest_word wanted;
    struct candidate nearest[SUGGEST_COUNT_MAX];
    size_t count = 0;
    if (max > SUGGEST_COUNT_MAX)
        max = SUGGEST_COUNT_MAX;
    if (max == 0)
        return 0;
    suggest_word_init(&wanted, name, length);
    for (const struct entry *entry = snapshot->entries; entry; entry = entry->hh.next) {
        if (entry->route.is_private && !with_private)
            continue;
        struct candidate candidate = {entry->route.name, suggest_slip(&wanted, entry->route.name)};
        if (candidate.distance < UINT_MAX)
            count = insert_candidate(nearest, count, max, candidate);
    }
    for (size_t i = 0; i < count; i++)
        ret_names[i] = nearest[i].name;
    return count;
}

struct route_table *route_table_create(void)
{
    struct route_table *table = xcalloc(1, sizeof(*table));
    pthread_mutex_init(&table->lock, NULL);
    atomic_init(&table->current, route_snapshot_create());
    return table;
}

void route_table_destroy(struct route_table *table)
{
    if (!table)
        return;
    route_snapshot_unref(atomic_load_explicit(&table->current, memory_order_relaxed));
    pthread_mutex_destroy(&table->lock);
    free(table);
}

void route_table_publish(struct route_table *table, struct route_snapshot *snapshot)
{
    pthread_mutex_lock(&table->lock);
    struct route_snapshot *former = atomic_load_explicit(&table->current, memory_order_relaxed);
    atomic_store_explicit(&table->current, snapshot, memory_order_release);
    pthread_mutex_unlock(&table->lock);
    route_snapshot_unref(former);
}

void route_table_refresh(struct route_table *table, struct route_snapshot **held)
{
    /* `held` keeps its snapshot alive, so an equal address is the same snapshot. */
    if (atomic_load_explicit(&table->current, memory_order_relaxed) == *held)
        return;
    pthread_mutex_lock(&table->lock);
    struct route_snapshot *current =
        snapshot_ref(atomic_load_explicit(&table->current, memory_order_relaxed));
    pthread_mutex_unlock(&table->lock);
    route_snapshot_unref(*held);
    *held = current;
}
