#include "admin/request_counts.h"

#include "base/alloc.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_MIN 64

struct counted_function {
    struct request_count count;
    uint64_t started; /* as it was told last */
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
    struct counted_function *found = counts->last;
    if (!found || strcmp(found->name, name) != 0)
        found = find(counts, name);
    counts->last = found;
    if (found)
        return found;
    found = xcalloc(1, sizeof(*found) + strlen(name) + 1);
    memcpy(found->name, name, strlen(name));
    HASH_ADD_STR(counts->by_name, name, found);
    counts->count++;
    return found;
}

/* What it comes to as the number of a tally's row, and back. */
static uint32_t kind_number(const struct request_kind *kind)
{
    return (uint32_t)kind->code << 16 | (uint32_t)kind->component << 8 | (uint32_t)kind->class << 1 |
           kind->is_cold;
}

struct request_kind request_kind_of(uint32_t kind)
{
    return (struct request_kind){.class = kind >> 1 & 0x7f,
                                 .is_cold = kind & 1,
                                 .component = (enum error_component)(kind >> 8 & 0xff),
                                 .code = (enum error_code)(kind >> 16)};
}

static struct status_count *find_status(struct request_count *count, uint16_t status)
{
    for (size_t i = 0; i < count->status_count; i++) {
        if (count->statuses[i].status == status)
            return &count->statuses[i];
    }
    return NULL;
}

static struct status_count *add_status(struct request_count *count, uint16_t status)
{
    count->statuses = xgrow(count->statuses, count->status_count, sizeof(*count->statuses));
    struct status_count *added = &count->statuses[count->status_count++];
    *added = (struct status_count){.status = status};
    return added;
}

static struct status_count *find_or_add_status(struct request_count *count, uint16_t status)
{
    struct status_count *found = find_status(count, status);
    if (found || count->status_count < REQUEST_STATUSES)
        return found ? found : add_status(count, status);
    found = find_status(count, status / 100);
    return found ? found : add_status(count, status / 100);
}

bool request_is_timed(const struct request_record *record)
{
    return record->is_routed && record->end == REQUEST_ANSWERED && !record->is_stream;
}

void request_counts_add(struct request_counts *counts, const struct request_record *record)
{
    if (!record->is_routed || record->end == REQUEST_ACCEPTED)
        return;
    struct request_count *count = &find_or_add(counts, request_text(record, REQUEST_FUNCTION))->count;
    const struct request_kind kind = {.class = record->status / 100,
                                      .is_cold = record->is_cold,
                                      .component = record->component,
                                      .code = record->code};
    struct status_count *status = find_or_add_status(count, record->status);
    count->total++;
    count->by_class[kind.class]++;
    tally_add(&count->kinds, kind_number(&kind));
    status->count++;
    if (request_is_timed(record))
        histogram_add(&status->seconds, record->times.end_ns - record->times.head_ns);
    if (record->is_cold)
        histogram_add(&count->cold_waits, record->waited_ns);
}

bool request_counts_is_grown(const struct request_counts *counts)
{
    return counts->count >= SWEEP_MIN && counts->count >= counts->sweep_at;
}

static void free_function(struct counted_function *function)
{
    struct request_count *count = &function->count;
    for (size_t i = 0; i < count->status_count; i++)
        free(count->statuses[i].seconds);
    free(count->statuses);
    tally_clear(&count->kinds);
    free(count->cold_waits);
    free(function);
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
    counts->last = NULL;
    while (gone) {
        struct counted_function *next = gone->gone;
        free_function(gone);
        gone = next;
    }
    counts->sweep_at = 2 * counts->count;
}

struct request_count request_counts_of(const struct request_counts *counts, const char *name)
{
    const struct counted_function *found = find(counts, name);
    return found ? found->count : (struct request_count){0};
}

uint64_t request_counts_started(struct request_counts *counts, const char *name, uint64_t under_way)
{
    struct counted_function *function = find(counts, name);
    if (!function && under_way == 0)
        return 0;
    if (!function)
        function = find_or_add(counts, name);
    uint64_t started = function->count.total + under_way;
    if (started > function->started)
        function->started = started;
    return function->started;
}

void request_counts_clear(struct request_counts *counts)
{
    request_counts_sweep(counts, NULL, NULL);
}
