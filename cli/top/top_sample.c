#include "cli/top/top_sample.h"

#include "base/alloc.h"
#include "cli/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void read_latency(const json_t *list, struct top_function *function)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        function->within[i] = (uint64_t)json_integer_value(json_array_get(list, i));
}

static void read_function(const json_t *json, struct top_function *function)
{
    *function = (struct top_function){.name = xstrdup(member_text(json, "name")),
                                      .state = xstrdup(member_text(json, "state")),
                                      .is_callable = member_is_true(json, "callable"),
                                      .ready = (unsigned)member_number(json, "ready"),
                                      .busy = (unsigned)member_number(json, "busy"),
                                      .starting = (unsigned)member_number(json, "starting"),
                                      .waiting = (unsigned)member_number(json, "waiting"),
                                      .kept_warm = (unsigned)member_number(json, "kept_warm"),
                                      .memory_bytes = (uint64_t)member_number(json, "memory_bytes"),
                                      .invocations = (uint64_t)member_number(json, "invocations"),
                                      .failed = (uint64_t)member_number(json, "failed"),
                                      .cold_starts = (uint64_t)member_number(json, "cold_starts"),
                                      .requests_per_s = NAN,
                                      .errors_per_s = NAN,
                                      .p50_ms = NAN,
                                      .p99_ms = NAN};
    read_latency(json_object_get(json, "latency"), function);
}

static int by_name(const void *a, const void *b)
{
    const struct top_function *first = a, *second = b;
    return strcmp(first->name, second->name);
}

int top_sample_read(const json_t *answer, uint64_t at_ns, struct top_sample *ret_sample)
{
    const json_t *function;
    size_t i;
    if (!json_is_array(answer))
        return -1;
    const size_t count = json_array_size(answer);
    *ret_sample = (struct top_sample){
        .functions = xcalloc(count + 1, sizeof(*ret_sample->functions)), .count = count, .at_ns = at_ns};
    json_array_foreach(answer, i, function) read_function(function, &ret_sample->functions[i]);
    qsort(ret_sample->functions, count, sizeof(*ret_sample->functions), by_name);
    return 0;
}

void top_sample_clear(struct top_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        free(sample->functions[i].name);
        free(sample->functions[i].state);
    }
    free(sample->functions);
    *sample = (struct top_sample){0};
}

/* --- what has happened between two --- */

/* The duration that a part of the requests did not exceed, as if those within a bound were spread evenly
 * behind the bound before. */
static double percentile_ms(const uint64_t within[HISTOGRAM_BOUNDS + 1], double part)
{
    const double rank = part * (double)within[HISTOGRAM_BOUNDS];
    double from_ms = 0, before = 0;
    if (within[HISTOGRAM_BOUNDS] == 0)
        return NAN;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        const double here = (double)within[i] - before, to_ms = histogram_bounds_ms[i];
        if (here > 0 && (double)within[i] >= rank)
            return from_ms + (rank - before) / here * (to_ms - from_ms);
        from_ms = to_ms;
        before = (double)within[i];
    }
    return INFINITY;
}

static bool has_begun_anew(const struct top_function *now, const struct top_function *before)
{
    bool is_less = now->invocations < before->invocations || now->failed < before->failed;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        is_less = is_less || now->within[i] < before->within[i];
    return is_less;
}

static void compare(struct top_function *now, const struct top_function *before, double seconds)
{
    uint64_t within[HISTOGRAM_BOUNDS + 1];
    if (has_begun_anew(now, before) || !(seconds > 0))
        return;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        within[i] = now->within[i] - before->within[i];
    now->requests_per_s = (double)(now->invocations - before->invocations) / seconds;
    now->errors_per_s = (double)(now->failed - before->failed) / seconds;
    now->p50_ms = percentile_ms(within, 0.5);
    now->p99_ms = percentile_ms(within, 0.99);
}

void top_sample_compare(struct top_sample *sample, const struct top_sample *before)
{
    const double seconds = (double)(sample->at_ns - before->at_ns) / 1e9;
    for (size_t i = 0; i < sample->count && before->count > 0; i++) {
        struct top_function *function = &sample->functions[i];
        const struct top_function *former =
            bsearch(function, before->functions, before->count, sizeof(*before->functions), by_name);
        if (former)
            compare(function, former, seconds);
    }
}

static double sum_of(double sum, double value)
{
    return isnan(value) ? sum : sum + value;
}

struct top_function top_sample_sum(const struct top_sample *sample)
{
    struct top_function sum = {.p50_ms = NAN, .p99_ms = NAN};
    for (size_t i = 0; i < sample->count; i++) {
        const struct top_function *function = &sample->functions[i];
        sum.ready += function->ready;
        sum.busy += function->busy;
        sum.starting += function->starting;
        sum.waiting += function->waiting;
        sum.kept_warm += function->kept_warm;
        sum.memory_bytes += function->memory_bytes;
        sum.cold_starts += function->cold_starts;
        sum.requests_per_s = sum_of(sum.requests_per_s, function->requests_per_s);
        sum.errors_per_s = sum_of(sum.errors_per_s, function->errors_per_s);
    }
    return sum;
}
