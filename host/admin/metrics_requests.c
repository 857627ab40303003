/* The metrics of functions' requests, and of their cold starts. */
#include "admin/metrics_inside.h"

#include "fleet/function.h"

#include <stdio.h>

/* "200"; "4xx" of those that are not told apart; "none" without an answer. */
static void write_status(unsigned status, char *text, size_t size)
{
    if (status == 0)
        snprintf(text, size, "none");
    else
        snprintf(text, size, status < REQUEST_CLASSES ? "%uxx" : "%u", status);
}

static struct request_count count_of(const struct metrics_sources *sources, const struct function *function)
{
    return request_counts_of(sources->requests, function_name(function));
}

/* Hands over one of two things that are known of each status. */
static void tell_statuses(const struct metrics_sources *sources, const struct function *function,
                          struct metric_sink *sink, bool seconds)
{
    const struct request_count count = count_of(sources, function);
    for (size_t i = 0; i < count.status_count; i++) {
        char code[16];
        write_status(count.statuses[i].status, code, sizeof(code));
        const struct metric_labels labels = {.function = function_name(function), .more = {{"code", code}}};
        if (!seconds)
            sink->number(sink, &labels, (double)count.statuses[i].count);
        else if (count.statuses[i].seconds)
            sink->histogram(sink, &labels, count.statuses[i].seconds);
    }
}

static void tell_ended(const struct metrics_sources *sources, struct function *function,
                       struct metric_sink *sink)
{
    tell_statuses(sources, function, sink, false);
}

static void add_waiting(struct revision *revision, void *context)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(revision), &counts);
    *(uint64_t *)context += counts.waiting;
}

/* The slot that its runner is asked over is under no request. */
static void add_busy(struct instance *instance, void *context)
{
    unsigned slots, busy;
    uint64_t idle_since_ms;
    instance_usage(instance, &slots, &busy, &idle_since_ms);
    *(uint64_t *)context += busy - (busy > 0 && instance_is_asked(instance));
}

static void tell_started(const struct metrics_sources *sources, struct function *function,
                         struct metric_sink *sink)
{
    uint64_t under_way = 0;
    function_each_revision(function, add_waiting, &under_way);
    function_each_instance(function, add_busy, &under_way);
    const struct metric_labels labels = {.function = function_name(function)};
    sink->number(sink, &labels,
                 (double)request_counts_started(sources->requests, labels.function, under_way));
}

static void tell_seconds(const struct metrics_sources *sources, struct function *function,
                         struct metric_sink *sink)
{
    tell_statuses(sources, function, sink, true);
}

static void tell_kinds(const struct metrics_sources *sources, struct function *function,
                       struct metric_sink *sink)
{
    const struct request_count count = count_of(sources, function);
    for (size_t i = 0; i < count.kinds.length; i++) {
        const struct request_kind kind = request_kind_of(count.kinds.rows[i].kind);
        char class[16];
        write_status(kind.class, class, sizeof(class));
        const struct metric_labels labels = {
            .function = function_name(function),
            .more = {{"class", class},
                     {"cold", kind.is_cold ? "true" : "false"},
                     {"component", kind.code ? error_component_name(kind.component) : "none"},
                     {"error", kind.code ? error_code_slug(kind.code) : "none"}}};
        sink->number(sink, &labels, (double)count.kinds.rows[i].count);
    }
}

static void tell_phase(const struct function *function, const char *phase, const struct histogram *histogram,
                       struct metric_sink *sink)
{
    const struct metric_labels labels = {.function = function_name(function), .more = {{"phase", phase}}};
    if (histogram)
        sink->histogram(sink, &labels, histogram);
}

static void tell_cold_starts(const struct metrics_sources *sources, struct function *function,
                             struct metric_sink *sink)
{
    const struct function_counts *counts = function_counts_of(function);
    tell_phase(function, "queue", count_of(sources, function).cold_waits, sink);
    for (enum start_phase phase = 0; phase < START_PHASES; phase++)
        tell_phase(function, start_phase_name(phase), counts->phases[phase], sink);
}

const struct function_metric request_metrics[] = {
    {{"gateway_function_invocation_total", METRIC_COUNTER,
      "Requests that have ended, by status; none is what got no answer."},
     tell_ended},
    {{"gateway_function_invocation_started", METRIC_COUNTER, "Requests that have begun."}, tell_started},
    {{"gateway_functions_seconds", METRIC_HISTOGRAM,
      "How long answered requests took, from their head on, without streams."},
     tell_seconds},
    {{"berth_function_requests_total", METRIC_COUNTER,
      "Requests that have ended, by status class, whether they had to wait for an instance, and what "
      "went wrong."},
     tell_kinds},
    {{"berth_cold_start_seconds", METRIC_HISTOGRAM,
      "Cold starts by phase: queue is what requests waited for an instance; create, start and load are "
      "the parts of instances' starts."},
     tell_cold_starts},
};

const size_t request_metric_count = sizeof(request_metrics) / sizeof(request_metrics[0]);
