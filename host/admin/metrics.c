#include "admin/metrics_inside.h"

#include "admin/request_book.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"

#include <string.h>

static void collect_gateway(const struct gateway *gateway, struct metric_sink *sink)
{
    uint64_t sums[COUNTER_COUNT];
    gateway_counts(gateway, sums);
    struct metric metric = {.name = ""};
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        if (strcmp(row->metric, metric.name) != 0) {
            metric = (struct metric){.name = row->metric,
                                     .type = strcmp(row->type, "gauge") == 0 ? METRIC_GAUGE : METRIC_COUNTER,
                                     .help = row->help};
            sink->begin(sink, &metric);
        }
        struct metric_labels labels = {0};
        if (row->class)
            labels.more[0] = (struct metric_label){"class", row->class};
        sink->number(sink, &labels, (double)sums[i]);
    }
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
                                            .started_s = parts->started_s};
    collect_gateway(sources.gateway, sink);
    collect_functions(&sources, request_metrics, request_metric_count, sink);
    collect_functions(&sources, fleet_metrics, fleet_metric_count, sink);
    collect_host(&sources, sink);
}
