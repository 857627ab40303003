#include "prepare/store/cold_starts.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 100000 /* of one burst; more instances than a host has */

static void forget_oldest(struct cold_starts *starts)
{
    starts->count--;
    memmove(starts->items, starts->items + 1, starts->count * sizeof(*starts->items));
}

static void append(struct cold_starts *starts, uint64_t at_ms, unsigned count)
{
    if (!starts->items)
        starts->items = xcalloc(COLD_STARTS_KEPT, sizeof(*starts->items));
    if (starts->count == COLD_STARTS_KEPT)
        forget_oldest(starts);
    starts->items[starts->count++] = (struct cold_burst){at_ms, count};
}

static struct cold_burst *newest(struct cold_starts *starts)
{
    return starts->count > 0 ? &starts->items[starts->count - 1] : NULL;
}

static unsigned bounded(uint64_t count)
{
    return count < COUNT_MAX ? (unsigned)count : COUNT_MAX;
}

void cold_starts_add(struct cold_starts *starts, unsigned count, uint64_t now_ms)
{
    if (count == 0)
        return;
    starts->is_changed = true;
    while (newest(starts) && newest(starts)->at_ms > now_ms)
        starts->count--;
    struct cold_burst *last = newest(starts);
    if (last && now_ms - last->at_ms < COLD_BURST_MS)
        last->count = bounded((uint64_t)last->count + count);
    else
        append(starts, now_ms, bounded(count));
}

json_t *cold_starts_to_json(const struct cold_starts *starts)
{
    if (starts->count == 0)
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < starts->count; i++)
        json_array_append_new(list, json_pack("[I, I]", (json_int_t)starts->items[i].at_ms,
                                              (json_int_t)starts->items[i].count));
    return list;
}

/* Whether it is a burst that may follow `after_ms`. */
static bool read_burst(const json_t *json, uint64_t after_ms, struct cold_burst *ret_burst)
{
    json_int_t at_ms = json_integer_value(json_array_get(json, 0));
    json_int_t count = json_integer_value(json_array_get(json, 1));
    if (at_ms < 0 || (uint64_t)at_ms < after_ms || count < 1)
        return false;
    *ret_burst = (struct cold_burst){(uint64_t)at_ms, bounded((uint64_t)count)};
    return true;
}

void cold_starts_read(const json_t *json, struct cold_starts *ret_starts)
{
    *ret_starts = (struct cold_starts){0};
    for (size_t i = 0; i < json_array_size(json); i++) {
        struct cold_burst burst;
        const struct cold_burst *last = newest(ret_starts);
        if (read_burst(json_array_get(json, i), last ? last->at_ms : 0, &burst))
            append(ret_starts, burst.at_ms, burst.count);
    }
}

void cold_starts_clear(struct cold_starts *starts)
{
    free(starts->items);
    *starts = (struct cold_starts){0};
}
