#include "admin/request_counts.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SWEEP_MIN 64

const unsigned request_bucket_ms[REQUEST_BUCKETS] = {1,   3,    5,    10,   25,    50,    100,  250,
                                                     500, 1000, 2500, 5000, 10000, 30000, 60000};

struct counted_function {
    struct request_count count;
    UT_hash_handle hh;
    struct counted_function *gone; /* while it is being forgotten: the next */
    char name[];
};

static struct counted_function *find(const struct request_counts *counts, const char *name)
{
    struct counted_function *found;
    HASH_FIND_STR(counts->by_name, name, found);
    return found;
}

static struct counted_function *find_or_add(struct request_counts *counts, const char *name)
{
    struct counted_function *found = find(counts, name);
    if (found)
        return found;
    found = xcalloc(1, sizeof(*found) + strlen(name) + 1);
    memcpy(found->name, name, strlen(name));
    HASH_ADD_STR(counts->by_name, name, found);
    counts->count++;
    return found;
}

static void count_duration(struct request_count *count, const struct request_times *times)
{
    uint64_t duration_ns = times->end_ns - times->head_ns;
    count->timed++;
    count->sum_ns += duration_ns;
    for (size_t i = 0; i < REQUEST_BUCKETS; i++)
        count->within[i] += duration_ns <= request_bucket_ms[i] * UINT64_C(1000000);
}

void request_counts_add(struct request_counts *counts, const struct request_record *record)
{
    if (!record->is_routed)
        return;
    struct request_count *count = &find_or_add(counts, request_text(record, REQUEST_FUNCTION))->count;
    count->total++;
    count->by_class[record->status / 100]++;
    if (record->end == REQUEST_ANSWERED && !record->is_stream)
        count_duration(count, &record->times);
}

bool request_counts_is_grown(const struct request_counts *counts)
{
    return counts->count >= SWEEP_MIN && counts->count >= counts->sweep_at;
}

/* Takes those out that are no more, chained by `gone`. */
static struct counted_function *take_out(struct request_counts *counts,
                                         bool (*is_known)(const char *name, void *context), void *context)
{
    struct counted_function *function, *next, *gone = NULL;
    HASH_ITER(hh, counts->by_name, function, next)
    {
        if (is_known && is_known(function->name, context))
            continue;
        HASH_DEL(counts->by_name, function);
        counts->count--;
        function->gone = gone;
        gone = function;
    }
    return gone;
}

void request_counts_sweep(struct request_counts *counts, bool (*is_known)(const char *name, void *context),
                          void *context)
{
    struct counted_function *gone = take_out(counts, is_known, context);
    while (gone) {
        struct counted_function *next = gone->gone;
        free(gone);
        gone = next;
    }
    counts->sweep_at = 2 * counts->count;
}

struct request_count request_counts_of(const struct request_counts *counts, const char *name)
{
    const struct counted_function *found = find(counts, name);
    return found ? found->count : (struct request_count){0};
}

void request_counts_clear(struct request_counts *counts)
{
    request_counts_sweep(counts, NULL, NULL);
}
