#include "gateway/access_log.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

#define ID_SIZE 17 /* of an instance or a revision in hexadecimal */

/* NULL of an empty text, which leaves the field out. */
static const char *text_of(const struct request_record *record, enum request_text text)
{
    const char *bytes = request_text(record, text);
    return *bytes ? bytes : NULL;
}

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static const char *id_of(char text[ID_SIZE], uint64_t id)
{
    snprintf(text, ID_SIZE, "%012" PRIx64, id);
    return id != 0 ? text : NULL;
}

/* The gateway has answered with an error, or has cut the connection. */
static void write_error(const struct request_record *record)
{
    log_traffic(LOG_INFO, record->end == REQUEST_CUT ? "gateway.cut" : "gateway.error",
                LOG_STR("function", text_of(record, REQUEST_FUNCTION)),
                LOG_STR("client", request_text(record, REQUEST_CLIENT)), LOG_INT("status", record->status),
                LOG_STR("request_id", text_of(record, REQUEST_ID)),
                LOG_STR("component", error_component_name(record->component)),
                LOG_STR("reason", error_code_slug(record->code)),
                LOG_STR("error", text_of(record, REQUEST_MESSAGE)),
                LOG_STR("hint", text_of(record, REQUEST_HINT)));
}

static void write_function_error(const struct request_record *record)
{
    log_traffic(LOG_INFO, "gateway.function-error",
                LOG_STR("function", request_text(record, REQUEST_FUNCTION)),
                LOG_STR("method", request_text(record, REQUEST_METHOD)), LOG_INT("status", record->status),
                LOG_STR("request_id", request_text(record, REQUEST_ID)));
}

static void write_request(const struct request_record *record, enum log_level level)
{
    char instance[ID_SIZE], revision[ID_SIZE];
    log_traffic(level, "gateway.request", LOG_STR("method", text_of(record, REQUEST_METHOD)),
                LOG_STR("target", text_of(record, REQUEST_TARGET)),
                LOG_STR("function", text_of(record, REQUEST_FUNCTION)),
                LOG_STR("client", request_text(record, REQUEST_CLIENT)), LOG_INT("status", record->status),
                LOG_STR("end", request_end_name(record->end)),
                LOG_STR("reason", record->code ? error_code_slug(record->code) : NULL),
                LOG_INT("bytes_in", record->bytes_in), LOG_INT("bytes", record->bytes_out),
                LOG_DEC("ms", milliseconds(request_phases_of(record).whole_ns)),
                LOG_DEC("wait_ms", milliseconds(record->waited_ns)), LOG_INT("cold", record->is_cold),
                LOG_STR("revision", id_of(revision, record->revision)),
                LOG_STR("instance", id_of(instance, record->instance)),
                LOG_STR("request_id", text_of(record, REQUEST_ID)));
}

/* Where the time went: the body came, the request waited, the runner thought, the answer went. */
static void write_slow(const struct request_record *record)
{
    const struct request_phases phases = request_phases_of(record);
    char instance[ID_SIZE];
    log_traffic(LOG_INFO, "gateway.slow-request", LOG_STR("function", text_of(record, REQUEST_FUNCTION)),
                LOG_STR("method", text_of(record, REQUEST_METHOD)),
                LOG_STR("target", text_of(record, REQUEST_TARGET)), LOG_INT("status", record->status),
                LOG_STR("end", request_end_name(record->end)), LOG_DEC("ms", milliseconds(phases.whole_ns)),
                LOG_DEC("body_ms", milliseconds(phases.body_ns)),
                LOG_DEC("wait_ms", milliseconds(record->waited_ns)), LOG_INT("cold", record->is_cold),
                LOG_DEC("run_ms", milliseconds(phases.run_ns)),
                LOG_DEC("answer_ms", milliseconds(phases.answer_ns)),
                LOG_STR("instance", id_of(instance, record->instance)),
                LOG_STR("request_id", text_of(record, REQUEST_ID)));
}

static bool is_slow(const struct request_record *record, unsigned limit_ms)
{
    return limit_ms > 0 && !record->is_stream &&
           request_phases_of(record).whole_ns >= limit_ms * UINT64_C(1000000);
}

void access_log_write(const struct request_record *record, const struct host_settings *settings)
{
    const enum log_level level = settings->access_log ? LOG_INFO : LOG_DEBUG;
    if (record->code != ERROR_NONE)
        write_error(record);
    else if (record->status >= 500)
        write_function_error(record);
    if (is_slow(record, settings->slow_request_ms))
        write_slow(record);
    if (log_enabled(level))
        write_request(record, level);
}
