#include "admin/metrics.h"

#include "admin/function_status.h"
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

void metrics_write(struct fleet *fleet, const struct gateway *gateway, struct strbuf *out)
{
    write_gateway(gateway, out);
    for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++)
        write_load(fleet, &load_rows[i], out);
    write_drops(fleet, false, out);
    write_drops(fleet, true, out);
    write_budget(fleet, out);
}
