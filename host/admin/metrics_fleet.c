/* The metrics of functions' load, instances, builds and output. */
#include "admin/metrics_inside.h"

#include "admin/function_parts.h"
#include "fleet/function.h"

static void tell_number(const struct function *function, double value, struct metric_sink *sink)
{
    const struct metric_labels labels = {.function = function_name(function)};
    sink->number(sink, &labels, value);
}

/* --- instances --- */

struct instance_numbers {
    unsigned total, ready;
};

static void add_instance(struct instance *instance, void *context)
{
    struct instance_numbers *numbers = context;
    numbers->total++;
    numbers->ready += instance_current_state(instance) == INSTANCE_READY;
}

static struct instance_numbers numbers_of(struct function *function)
{
    struct instance_numbers numbers = {0};
    function_each_instance(function, add_instance, &numbers);
    return numbers;
}

static void tell_instances(const struct metrics_sources *sources, struct function *function,
                           struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, numbers_of(function).total, sink);
}

static void tell_ready(const struct metrics_sources *sources, struct function *function,
                       struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, numbers_of(function).ready, sink);
}

/* Its own setting, else what its plugin says once it is built. */
static void tell_target(const struct metrics_sources *sources, struct function *function,
                        struct metric_sink *sink)
{
    (void)sources;
    unsigned target = function_applied_settings(function)->concurrency;
    struct revision *current = function_current(function);
    const struct build_launch *launch = current ? revision_prepared(current)->launch : NULL;
    if (target == 0)
        target = launch ? launch->concurrency : 1;
    tell_number(function, target, sink);
}

static void tell_min(const struct metrics_sources *sources, struct function *function,
                     struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, function_minimum(function), sink);
}

static void tell_callable(const struct metrics_sources *sources, struct function *function,
                          struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, function_current(function) != NULL, sink);
}

/* --- what they use --- */

static void tell_cpu_seconds(const struct metrics_sources *sources, struct function *function,
                             struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_resources(function).cpu_ns / 1e9, sink);
}

static void tell_memory(const struct metrics_sources *sources, struct function *function,
                        struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_resources(function).memory_bytes, sink);
}

/* --- load --- */

/* All zero of a function that cannot serve. */
static struct slot_counts load_of(const struct function *function)
{
    struct slot_counts counts = {0};
    struct revision *current = function_current(function);
    if (current)
        slot_pool_counts(revision_pool(current), &counts);
    return counts;
}

static void tell_idle(const struct metrics_sources *sources, struct function *function,
                      struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, load_of(function).idle, sink);
}

static void tell_busy(const struct metrics_sources *sources, struct function *function,
                      struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, load_of(function).busy, sink);
}

static void tell_starting(const struct metrics_sources *sources, struct function *function,
                          struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, load_of(function).starting, sink);
}

static void tell_waiting(const struct metrics_sources *sources, struct function *function,
                         struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, load_of(function).waiting, sink);
}

/* --- what has come of it so far --- */

static void tell_started(const struct metrics_sources *sources, struct function *function,
                         struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_counts_of(function)->started, sink);
}

static void tell_lost(const struct metrics_sources *sources, struct function *function,
                      struct metric_sink *sink)
{
    (void)sources;
    const struct tally *lost = &function_counts_of(function)->lost;
    for (size_t i = 0; i < lost->length; i++) {
        const struct loss_kind kind = loss_kind_of(lost->rows[i].kind);
        const struct metric_labels labels = {.function = function_name(function),
                                             .more = {{"component", error_component_name(kind.component)},
                                                      {"error", error_code_slug(kind.code)}}};
        sink->number(sink, &labels, (double)lost->rows[i].count);
    }
}

static void tell_builds(const struct metrics_sources *sources, struct function *function,
                        struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_counts_of(function)->builds, sink);
}

static void tell_builds_failed(const struct metrics_sources *sources, struct function *function,
                               struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_counts_of(function)->builds_failed, sink);
}

static void tell_build_seconds(const struct metrics_sources *sources, struct function *function,
                               struct metric_sink *sink)
{
    (void)sources;
    tell_number(function, (double)function_counts_of(function)->build_ms / 1e3, sink);
}

static void tell_dropped_lines(const struct metrics_sources *sources, struct function *function,
                               struct metric_sink *sink)
{
    (void)sources;
    uint64_t lines, bytes;
    function_output_dropped(function_output_of(function), &lines, &bytes);
    tell_number(function, (double)lines, sink);
}

static void tell_dropped_bytes(const struct metrics_sources *sources, struct function *function,
                               struct metric_sink *sink)
{
    (void)sources;
    uint64_t lines, bytes;
    function_output_dropped(function_output_of(function), &lines, &bytes);
    tell_number(function, (double)bytes, sink);
}

const struct function_metric fleet_metrics[] = {
    {{"gateway_service_count", METRIC_GAUGE, "Instances, whatever their state."}, tell_instances},
    {{"gateway_service_ready_count", METRIC_GAUGE, "Instances that take requests."}, tell_ready},
    {{"gateway_service_target", METRIC_GAUGE, "Requests that one instance takes at once."}, tell_target},
    {{"gateway_service_min", METRIC_GAUGE, "Instances that there are at least."}, tell_min},
    {{"pod_cpu_usage_seconds_total", METRIC_COUNTER,
      "Processor time of instances, those that have gone too."},
     tell_cpu_seconds},
    {{"pod_memory_working_set_bytes", METRIC_GAUGE,
      "Memory of instances, without pages of files that nobody has used lately."},
     tell_memory},
    {{"berth_function_callable", METRIC_GAUGE,
      "1: there is a revision that requests go to; 0: it is broken."},
     tell_callable},
    {{"berth_slots_idle", METRIC_GAUGE, "Slots nobody uses."}, tell_idle},
    {{"berth_slots_busy", METRIC_GAUGE, "Slots under a request."}, tell_busy},
    {{"berth_slots_starting", METRIC_GAUGE, "Slots on their way."}, tell_starting},
    {{"berth_requests_waiting", METRIC_GAUGE, "Requests in the function's queue."}, tell_waiting},
    {{"berth_instances_started_total", METRIC_COUNTER, "Instances that have become ready."}, tell_started},
    {{"berth_instances_lost_total", METRIC_COUNTER,
      "Instances that have failed to start or have ended by "
      "themselves, by cause."},
     tell_lost},
    {{"berth_builds_started_total", METRIC_COUNTER, "Builds of a revision that were begun."}, tell_builds},
    {{"berth_builds_failed_total", METRIC_COUNTER, "Builds that have failed."}, tell_builds_failed},
    {{"berth_build_seconds_total", METRIC_COUNTER, "How long builds took, all together."},
     tell_build_seconds},
    {{"berth_output_dropped_lines_total", METRIC_COUNTER,
      "Lines of output beyond log_rate, which the log does not have."},
     tell_dropped_lines},
    {{"berth_output_dropped_bytes_total", METRIC_COUNTER,
      "Bytes of output beyond log_rate, which the log does not have."},
     tell_dropped_bytes},
};

const size_t fleet_metric_count = sizeof(fleet_metrics) / sizeof(fleet_metrics[0]);
