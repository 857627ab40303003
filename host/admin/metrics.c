#include "admin/metrics.h"

#include "admin/function_status.h"
#include "base/strbuf.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static void write_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_gateway(const struct gateway *gateway, struct strbuf *out)
{
    uint64_t sums[COUNTER_COUNT];
    gateway_counts(gateway, sums);
    const char *metric = "";
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        if (strcmp(row->metric, metric) != 0)
            write_head(out, row->metric, row->type, row->help);
        metric = row->metric;
        if (row->class)
            strbuf_append_format(out, "%s{class=\"%s\"} %" PRIu64 "\n", metric, row->class, sums[i]);
        else
            strbuf_append_format(out, "%s %" PRIu64 "\n", metric, sums[i]);
    }
}

static const struct load_row {
    const char *name, *type, *help;
    size_t offset; /* of an unsigned in struct slot_counts */
} load_rows[] = {
    /* Dashboards know it by this name, which linters allow to what has no type only. */
    {"gateway_service_count", "untyped", "Instances that take requests.",
     offsetof(struct slot_counts, instances)},
    {"berth_slots_idle", "gauge", "Slots nobody uses.", offsetof(struct slot_counts, idle)},
    {"berth_slots_busy", "gauge", "Slots under a request.", offsetof(struct slot_counts, busy)},
    {"berth_requests_waiting", "gauge", "Requests in the function's queue.",
     offsetof(struct slot_counts, waiting)},
    {"berth_slots_starting", "gauge", "Slots on their way.", offsetof(struct slot_counts, starting)},
};

static void write_load(struct fleet *fleet, const struct load_row *row, struct strbuf *out)
{
    write_head(out, row->name, row->type, row->help);
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        struct revision *current = function_current(function);
        if (!current)
            continue;
        struct slot_counts counts;
        slot_pool_counts(revision_pool(current), &counts);
        unsigned value = *(const unsigned *)((const char *)&counts + row->offset);
        strbuf_append_format(out, "%s{function_name=\"%s.%s\"} %u\n", row->name, function_name(function),
                             FUNCTION_STATUS_NAMESPACE, value);
    }
}

static void write_drops(struct fleet *fleet, bool bytes, struct strbuf *out)
{
    const char *name = bytes ? "berth_output_dropped_bytes_total" : "berth_output_dropped_lines_total";
    write_head(out, name, "counter", "Output of functions beyond log_rate, which the log does not have.");
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *function = fleet_function_at(fleet, i);
        uint64_t dropped_lines, dropped_bytes;
        function_output_dropped(function_output_of(function), &dropped_lines, &dropped_bytes);
        strbuf_append_format(out, "%s{function_name=\"%s.%s\"} %" PRIu64 "\n", name, function_name(function),
                             FUNCTION_STATUS_NAMESPACE, bytes ? dropped_bytes : dropped_lines);
    }
}

static void write_gauge(struct strbuf *out, const char *name, uint64_t value, const char *help)
{
    write_head(out, name, "gauge", help);
    strbuf_append_format(out, "%s %" PRIu64 "\n", name, value);
}

static void write_budget(const struct fleet *fleet, struct strbuf *out)
{
    const struct budget *budget = fleet_current_budget(fleet);
    unsigned prewarmed;
    uint64_t prewarmed_bytes;
    fleet_prewarmed(fleet, &prewarmed, &prewarmed_bytes);
    write_gauge(out, "berth_instances", budget->instances,
                "Containers of this host, prewarmed ones included.");
    write_gauge(out, "berth_instances_memory_bytes", budget->memory_bytes, "Sum of their memory limits.");
    write_gauge(out, "berth_instances_memory_max_bytes", budget->max_memory_bytes,
                "What that sum may be at most.");
    write_gauge(out, "berth_prewarmed_instances", prewarmed, "Containers that wait for a function.");
    write_gauge(out, "berth_prewarmed_memory_bytes", prewarmed_bytes, "Sum of their memory limits.");
}

/* --- the requests of functions: dashboards know them by these names --- */

static void write_invocations(const char *function, const struct request_count *count, struct strbuf *out)
{
    static const char *const classes[REQUEST_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (size_t i = 0; i < REQUEST_CLASSES; i++) {
        if (count->by_class[i] > 0)
            strbuf_append_format(
                out, "gateway_function_invocation_total{function_name=\"%s.%s\",code=\"%s\"} %" PRIu64 "\n",
                function, FUNCTION_STATUS_NAMESPACE, classes[i], count->by_class[i]);
    }
}

static void write_seconds(const char *function, const struct request_count *count, struct strbuf *out)
{
    const char *name = "gateway_functions_seconds", *space = FUNCTION_STATUS_NAMESPACE;
    if (count->timed == 0)
        return;
    for (size_t i = 0; i < REQUEST_BUCKETS; i++)
        strbuf_append_format(out, "%s_bucket{function_name=\"%s.%s\",le=\"%g\"} %" PRIu64 "\n", name,
                             function, space, request_bucket_ms[i] / 1e3, count->within[i]);
    strbuf_append_format(out, "%s_bucket{function_name=\"%s.%s\",le=\"+Inf\"} %" PRIu64 "\n", name, function,
                         space, count->timed);
    strbuf_append_format(out, "%s_sum{function_name=\"%s.%s\"} %.6f\n", name, function, space,
                         (double)count->sum_ns / 1e9);
    strbuf_append_format(out, "%s_count{function_name=\"%s.%s\"} %" PRIu64 "\n", name, function, space,
                         count->timed);
}

static const struct request_row {
    const char *name, *type, *help;
    void (*write)(const char *function, const struct request_count *count, struct strbuf *out);
} request_rows[] = {
    {"gateway_function_invocation_total", "counter",
     "Requests that have ended, by status class; code=\"none\" counts those without an answer.",
     write_invocations},
    {"gateway_functions_seconds", "histogram", "How long answered requests took, from their head on.",
     write_seconds},
};

static void write_requests(const struct metrics_sources *sources, const struct request_row *row,
                           struct strbuf *out)
{
    write_head(out, row->name, row->type, row->help);
    for (size_t i = 0; i < fleet_function_count(sources->fleet); i++) {
        const char *function = function_name(fleet_function_at(sources->fleet, i));
        struct request_count count = request_counts_of(sources->requests, function);
        row->write(function, &count, out);
    }
}

void metrics_write(const struct metrics_sources *sources, struct strbuf *out)
{
    struct fleet *fleet = sources->fleet;
    write_gateway(sources->gateway, out);
    for (size_t i = 0; i < sizeof(request_rows) / sizeof(request_rows[0]); i++)
        write_requests(sources, &request_rows[i], out);
    for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++)
        write_load(fleet, &load_rows[i], out);
    write_drops(fleet, false, out);
    write_drops(fleet, true, out);
    write_budget(fleet, out);
}
