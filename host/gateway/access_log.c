#include "gateway/access_log.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_SIZE       17 /* of an instance or a revision in hexadecimal */
#define SECOND_NS     UINT64_C(1000000000)
#define FAILED_FACTOR 10 /* so many times the rate for requests that failed or were slow */
#define USUAL_SLOW_MS 1000 /* where slow_request is not set */

/* NULL of an empty text, which leaves the field out. */
static const char *text_of(const struct request_record *record, enum request_text text)
{
    const char *bytes = request_text(record, text);
    return *bytes ? bytes : NULL;
}

/* Without its query, which may hold what is nobody's business. */
static struct log_field path_of(const struct request_record *record)
{
    const char *target = text_of(record, REQUEST_TARGET);
    return LOG_BYTES("path", target, target ? strcspn(target, "?") : 0);
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
                LOG_STR("client", request_text(record, REQUEST_CLIENT)),
                LOG_STR("caller", text_of(record, REQUEST_CALLER)), LOG_INT("status", record->status),
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
    log_traffic(level, "gateway.request", LOG_STR("method", text_of(record, REQUEST_METHOD)), path_of(record),
                LOG_STR("function", text_of(record, REQUEST_FUNCTION)),
                LOG_STR("client", request_text(record, REQUEST_CLIENT)),
                LOG_STR("caller", text_of(record, REQUEST_CALLER)), LOG_INT("status", record->status),
                LOG_STR("end", request_end_name(record->end)),
                LOG_STR("component", record->code ? error_component_name(record->component) : NULL),
                LOG_STR("reason", record->code ? error_code_slug(record->code) : NULL),
                LOG_STR("error", text_of(record, REQUEST_MESSAGE)),
                LOG_STR("hint", text_of(record, REQUEST_HINT)), LOG_INT("bytes_in", record->bytes_in),
                LOG_INT("bytes", record->bytes_out),
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
    log_traffic(
        LOG_INFO, "gateway.slow-request", LOG_STR("function", text_of(record, REQUEST_FUNCTION)),
        LOG_STR("method", text_of(record, REQUEST_METHOD)), path_of(record),
        LOG_INT("status", record->status), LOG_STR("end", request_end_name(record->end)),
        LOG_DEC("ms", milliseconds(phases.whole_ns)), LOG_DEC("body_ms", milliseconds(phases.body_ns)),
        LOG_DEC("wait_ms", milliseconds(record->waited_ns)), LOG_INT("cold", record->is_cold),
        LOG_DEC("run_ms", milliseconds(phases.run_ns)), LOG_DEC("answer_ms", milliseconds(phases.answer_ns)),
        LOG_STR("instance", id_of(instance, record->instance)),
        LOG_STR("request_id", text_of(record, REQUEST_ID)));
}

static bool is_slow(const struct request_record *record, unsigned limit_ms)
{
    return !record->is_stream && request_phases_of(record).whole_ns >= limit_ms * UINT64_C(1000000);
}

/* --- which requests --- */

static bool is_failed_or_slow(const struct request_record *record, const struct host_settings *settings)
{
    return record->code != ERROR_NONE || record->status >= 500 || !request_end_is_regular(record->end) ||
           is_slow(record, settings->slow_request_ms > 0 ? settings->slow_request_ms : USUAL_SLOW_MS);
}

/* The last second says how many there will be in this one. */
static void begin_second(struct access_log *log, unsigned rate, uint64_t now_ns)
{
    bool is_next = now_ns - log->second_began_ns < 2 * SECOND_NS;
    log->every = is_next ? log->seen / rate + 1 : 1;
    log->second_began_ns = now_ns;
    log->seen = log->written = log->failed_written = 0;
}

static bool take_ordinary(struct access_log *log, unsigned rate)
{
    if (log->seen++ % log->every == 0 && log->written < rate) {
        log->written++;
        return true;
    }
    log->left_out++;
    return false;
}

static bool take_failed(struct access_log *log, unsigned rate)
{
    if (log->failed_written < rate * FAILED_FACTOR) {
        log->failed_written++;
        return true;
    }
    log->failed_left_out++;
    return false;
}

/* At level debug somebody wants to see all of them. */
static bool is_wanted(struct access_log *log, const struct request_record *record,
                      const struct host_settings *settings, uint64_t now_ns)
{
    const unsigned rate = settings->access_log_rate;
    if (rate == 0 || log_enabled(LOG_DEBUG))
        return true;
    if (log->every == 0 || now_ns - log->second_began_ns >= SECOND_NS)
        begin_second(log, rate, now_ns);
    return is_failed_or_slow(record, settings) ? take_failed(log, rate) : take_ordinary(log, rate);
}

bool access_log_has_gap(const struct access_log *log)
{
    return log->left_out > 0 || log->failed_left_out > 0;
}

void access_log_report(struct access_log *log)
{
    if (!access_log_has_gap(log))
        return;
    log_traffic(
        LOG_INFO, "gateway.requests-left-out", LOG_INT("requests", log->left_out),
        LOG_INT("failed_or_slow", log->failed_left_out),
        LOG_STR("hint", "more than `access_log_rate` in the section `host`; berth requests has them"));
    log->left_out = log->failed_left_out = 0;
}

/* --- the lines --- */

/* What went wrong is in the line of the request, where that is written anyway. */
static void write_wrong(const struct request_record *record)
{
    if (record->code != ERROR_NONE)
        write_error(record);
    else if (record->status >= 500)
        write_function_error(record);
}

void access_log_write(struct access_log *log, const struct request_record *record,
                      const struct host_settings *settings, uint64_t now_ns)
{
    if (!log_enabled(LOG_INFO) || !is_wanted(log, record, settings, now_ns))
        return;
    if (settings->slow_request_ms > 0 && is_slow(record, settings->slow_request_ms))
        write_slow(record);
    if (settings->access_log) {
        write_request(record, LOG_INFO);
        return;
    }
    write_wrong(record);
    if (log_enabled(LOG_DEBUG))
        write_request(record, LOG_DEBUG);
}
