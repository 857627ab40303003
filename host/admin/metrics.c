#include "admin/metrics_inside.h"

#include "admin/request_book.h"
#include "calls/call_counts.h"
#include "calls/calls.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"

#include <string.h>

/* Rows of one metric stand together, told apart by a label. */
struct row {
    const char *metric, *help, *label, *value; /* label: NULL when the metric has this row only */
    enum metric_type type;
};

/* `last`: the metric of the row before; that of this one afterwards. */
static void tell_row(const struct row *row, uint64_t number, struct metric *last, struct metric_sink *sink)
{
    struct metric_labels labels = {0};
    if (strcmp(row->metric, last->name) != 0) {
        *last = (struct metric){.name = row->metric, .type = row->type, .help = row->help};
        sink->begin(sink, last);
    }
    if (row->label)
        labels.more[0] = (struct metric_label){row->label, row->value};
    sink->number(sink, &labels, (double)number);
}

static void collect_gateway(const struct gateway *gateway, struct metric_sink *sink)
{
    uint64_t sums[COUNTER_COUNT];
    struct metric last = {.name = ""};
    gateway_counts(gateway, sums);
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *counter = &counter_rows[i];
        const struct row row = {counter->metric, counter->help, counter->class ? "class" : NULL,
                                counter->class,
                                strcmp(counter->type, "gauge") == 0 ? METRIC_GAUGE : METRIC_COUNTER};
        tell_row(&row, sums[i], &last, sink);
    }
}

static const struct row call_rows[CALL_COUNT_COUNT] = {
#define CALL_COUNT(count, metric, label, value, type, help)                                                  \
    [CALL_COUNT_##count] = {metric, help, label, value, METRIC_##type},
    CALL_COUNTS(CALL_COUNT)
#undef CALL_COUNT
};

static void collect_calls(const struct calls *calls, struct metric_sink *sink)
{
    struct metric last = {.name = ""};
    if (!calls)
        return;
    const struct call_counts *counts = calls_counts(calls);
    for (size_t i = 0; i < CALL_COUNT_COUNT; i++)
        tell_row(&call_rows[i], atomic_load_explicit(&counts->values[i], memory_order_relaxed), &last, sink);
}

/* A function that has been removed may have a successor of the same name. */
static void collect_functions(const struct metrics_sources *sources, const struct function_metric *metrics,
                              size_t count, struct metric_sink *sink)
{
    for (size_t i = 0; i < count; i++) {
        sink->begin(sink, &metrics[i].metric);
        for (size_t at = 0; at < fleet_function_count(sources->fleet); at++) {
            struct function *function = fleet_function_at(sources->fleet, at);
            if (!function_is_removed(function))
                metrics[i].tell(sources, function, sink);
        }
    }
}

static void collect_host(const struct metrics_sources *sources, struct metric_sink *sink)
{
    for (size_t i = 0; i < host_metric_count; i++) {
        sink->begin(sink, &host_metrics[i].metric);
        host_metrics[i].tell(sources, sink);
    }
}

void metrics_collect(const struct admin_options *parts, struct metric_sink *sink)
{
    const struct metrics_sources sources = {.fleet = parts->fleet,
                                            .gateway = parts->gateway,
                                            .requests = request_book_counts(parts->requests),
                                            .logs = parts->logs,
                                            .calls = parts->calls,
                                            .host = parts->host,
                                            .started_s = parts->started_s};
    collect_gateway(sources.gateway, sink);
    collect_calls(sources.calls, sink);
    collect_functions(&sources, request_metrics, request_metric_count, sink);
    collect_functions(&sources, fleet_metrics, fleet_metric_count, sink);
    collect_host(&sources, sink);
}
