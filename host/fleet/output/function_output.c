#include "fleet/output/function_output.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/output/output_limit.h"

#include <stdlib.h>

#define REPORT_MS 5000 /* drops are told of no more often */

struct function_output {
    struct event_base *base;
    const struct host_settings *host;
    const char *function;
    struct output_limit limit;
    struct event *report; /* NULL until something is dropped */
};

struct function_output *function_output_create(struct event_base *base, const struct host_settings *host,
                                               const char *function)
{
    struct function_output *output = xcalloc(1, sizeof(*output));
    output->base = base;
    output->host = host;
    output->function = function;
    return output;
}

static void report_drops(struct function_output *output)
{
    struct output_drops drops;
    if (!output_limit_take_drops(&output->limit, &drops))
        return;
    log_warning("function.output-dropped", LOG_STR("function", output->function),
                LOG_INT("lines", drops.lines), LOG_INT("bytes", drops.bytes),
                LOG_INT("within_ms", clock_ms() - drops.since_ms),
                LOG_STR("hint", "it wrote more than `log_rate` in the section `host` allows"));
}

static void on_report(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    report_drops(context);
}

void function_output_destroy(struct function_output *output)
{
    if (!output)
        return;
    report_drops(output);
    if (output->report)
        event_free(output->report);
    free(output);
}

static void drop(struct function_output *output, size_t bytes, uint64_t now_ms)
{
    output_limit_drop(&output->limit, bytes, now_ms);
    if (!output->report)
        output->report = evtimer_new(output->base, on_report, output);
    if (!evtimer_pending(output->report, NULL))
        timer_at(output->report, now_ms + REPORT_MS, now_ms);
}

bool function_output_is_full(struct function_output *output)
{
    return !output_limit_allows(&output->limit, output->host->log_rate_bytes, clock_ms());
}

void function_output_write(struct function_output *output, const char *instance, enum output_stream stream,
                           const struct output_line *line, bool cut)
{
    static const char *const names[] = {
        [OUTPUT_STDOUT] = "stdout", [OUTPUT_STDERR] = "stderr", [OUTPUT_TRACEBACK] = "traceback"};
    uint64_t now_ms = clock_ms();
    if (!output_limit_allows(&output->limit, output->host->log_rate_bytes, now_ms)) {
        drop(output, line->length, now_ms);
        return;
    }
    size_t written =
        log_info("function.output", LOG_STR("function", output->function), LOG_STR("instance", instance),
                 LOG_STR("request_id", line->request_id[0] ? line->request_id : NULL),
                 LOG_STR("stream", names[stream]), LOG_BYTES("text", line->text, line->length),
                 LOG_STR("cut", cut ? "yes" : NULL));
    output_limit_spend(&output->limit, written);
}

void function_output_dropped(const struct function_output *output, uint64_t *ret_lines, uint64_t *ret_bytes)
{
    *ret_lines = output->limit.dropped_lines;
    *ret_bytes = output->limit.dropped_bytes;
}
