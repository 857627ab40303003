#include "fleet/output/function_output.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "fleet/output/output_limit.h"
#include "store/log_store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_MS 5000 /* drops are told of no more often */

struct function_output {
    struct event_base *base;
    const struct host_settings *host;
    struct log_store *logs;
    const char *function;
    struct output_limit limit;
    struct event *report; /* NULL until something is dropped */
};

struct function_output *function_output_create(struct event_base *base, const struct host_settings *host,
                                               struct log_store *logs, const char *function)
{
    struct function_output *output = xcalloc(1, sizeof(*output));
    output->base = base;
    output->host = host;
    output->logs = logs;
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

static struct log_text text_of(const char *text)
{
    return (struct log_text){text, strlen(text)};
}

static void keep(struct function_output *output, const struct output_origin *from, enum log_stream stream,
                 const struct output_line *line, bool cut)
{
    const struct log_line kept = {.time_ns = wall_clock_ms() * 1000000,
                                  .stream = stream,
                                  .goes_on = cut,
                                  .names = {[LOG_NAME_INSTANCE] = text_of(from->instance),
                                            [LOG_NAME_REVISION] = text_of(from->revision),
                                            [LOG_NAME_REQUEST] = text_of(line->request_id)},
                                  .text = {line->text, line->length}};
    log_store_add(output->logs, output->function, &kept);
}

void function_output_tell(struct function_output *output, const struct output_origin *from,
                          const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const struct output_line line = {.text = text, .length = strlen(text)};
    keep(output, from, LOG_EVENT, &line, false);
}

void function_output_write(struct function_output *output, const struct output_origin *from,
                           enum output_stream stream, const struct output_line *line, bool cut)
{
    static const enum log_stream kinds[] = {
        [OUTPUT_STDOUT] = LOG_STDOUT, [OUTPUT_STDERR] = LOG_STDERR, [OUTPUT_TRACEBACK] = LOG_TRACEBACK};
    static const char *const names[] = {
        [OUTPUT_STDOUT] = "stdout", [OUTPUT_STDERR] = "stderr", [OUTPUT_TRACEBACK] = "traceback"};
    uint64_t now_ms = clock_ms();
    if (!output_limit_allows(&output->limit, output->host->log_rate_bytes, now_ms)) {
        drop(output, line->length, now_ms);
        return;
    }
    size_t written =
        log_traffic(LOG_INFO, "function.output", LOG_STR("function", output->function),
                    LOG_STR("instance", from->instance),
                    LOG_STR("request_id", line->request_id[0] ? line->request_id : NULL),
                    LOG_STR("stream", names[stream]), LOG_BYTES("text", line->text, line->length),
                    LOG_STR("cut", cut ? "yes" : NULL));
    keep(output, from, kinds[stream], line, cut);
    output_limit_spend(&output->limit, written > 0 ? written : line->length);
}

void function_output_dropped(const struct function_output *output, uint64_t *ret_lines, uint64_t *ret_bytes)
{
    *ret_lines = output->limit.dropped_lines;
    *ret_bytes = output->limit.dropped_bytes;
}
