#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/log_query.h"
#include "admin/request_book.h"
#include "admin/request_history.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "store/log_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_USUAL 50
#define LIMIT_MAX   10000
#define LINES_MAX   1000 /* of output with a request */
#define SETTLE_MS   300 /* after a request's end, for the pipe and the writer of its output */
#define AFTER_NS    UINT64_C(2000000000) /* that output of a request may come after its end */

/* --- as JSON --- */

static json_t *milliseconds(uint64_t ns)
{
    uint64_t us = ns / 1000;
    return json_real((double)us / 1000);
}

static json_t *time_json(uint64_t time_ms)
{
    char text[RFC3339_SIZE];
    return json_string(rfc3339_write(time_ms, text));
}

/* The 12 hexadecimal digits that an instance or a revision is shown with. */
static json_t *short_id_json(uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%012" PRIx64, id);
    return id ? json_string(text) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_text(text) : json_null();
}

static json_t *summary_json(const struct request_note *note)
{
    const char *const *texts = note->texts;
    return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:i, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "id",
                     json_text(texts[NOTE_ID]), "function", text_or_null(texts[NOTE_FUNCTION]), "caller",
                     text_or_null(texts[NOTE_CALLER]), "depth", (int)note->depth, "began",
                     time_json(note->began_ms), "method", text_or_null(texts[NOTE_METHOD]), "path",
                     text_or_null(texts[NOTE_PATH]), "status", (int)note->status, "end",
                     json_text(texts[NOTE_END]), "code", text_or_null(texts[NOTE_CODE]), "cold",
                     note->is_cold, "failed", request_note_is_failed(note), "duration_ms",
                     milliseconds(note->phases.whole_ns), "revision", short_id_json(note->revision),
                     "instance", short_id_json(note->instance));
}

static json_t *phases_json(const struct request_phases *phases)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "head_ms", milliseconds(phases->head_ns), "body_ms",
                     milliseconds(phases->body_ns), "queue_ms", milliseconds(phases->queue_ns), "run_ms",
                     milliseconds(phases->run_ns), "answer_ms", milliseconds(phases->answer_ns));
}

static json_t *whole_json(const struct request_note *note)
{
    const char *const *texts = note->texts;
    json_t *json = summary_json(note);
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "ended",
                  time_json(note->ended_ms), "client", text_or_null(texts[NOTE_CLIENT]), "trace",
                  text_or_null(texts[NOTE_TRACE]), "bytes_in", (json_int_t)note->bytes_in, "bytes_out",
                  (json_int_t)note->bytes_out, "phases", phases_json(&note->phases), "answered_by_gateway",
                  note->is_own, "known_function", note->is_routed, "stream", note->is_stream, "component",
                  text_or_null(texts[NOTE_COMPONENT]), "reason", text_or_null(texts[NOTE_CODE]), "message",
                  text_or_null(texts[NOTE_MESSAGE]), "hint", text_or_null(texts[NOTE_HINT]));
    json_object_update(json, more);
    json_decref(more);
    return json;
}

/* --- the list --- */

struct wanted {
    const char *function; /* NULL: all */
    bool failed;
    uint64_t slow_ms, since_ms, limit; /* slow_ms: 0: any */
    json_t *list;
};

static bool is_wanted(const struct wanted *wanted, const struct request_note *note)
{
    return (!wanted->function || strcmp(wanted->function, note->texts[NOTE_FUNCTION]) == 0) &&
           (!wanted->failed || request_note_is_failed(note)) &&
           note->phases.whole_ns / 1000000 >= wanted->slow_ms && note->began_ms >= wanted->since_ms;
}

static bool add_wanted(const struct request_note *note, void *context)
{
    struct wanted *wanted = context;
    if (is_wanted(wanted, note))
        json_array_append_new(wanted->list, summary_json(note));
    return json_array_size(wanted->list) < wanted->limit;
}

static int read_wanted(const struct admin_call *call, struct wanted *ret_wanted, struct error *err)
{
    const char *failed = admin_call_query(call, "failed"), *since = admin_call_query(call, "since");
    const char *function = admin_call_query(call, "function");
    *ret_wanted = (struct wanted){.function = function && *function ? function : NULL,
                                  .failed = failed && *failed && strcmp(failed, "0") != 0 &&
                                            strcmp(failed, "false") != 0,
                                  .limit = LIMIT_USUAL};
    if (since && *since && rfc3339_read(since, &ret_wanted->since_ms) < 0)
        return error_set(err, ERROR_PARAMETER_INVALID,
                         "the parameter \"since\" has to be a time, such as 2024-05-01T09:30:00Z");
    if (admin_read_number("slow_ms", admin_call_query(call, "slow_ms"), UINT32_MAX, &ret_wanted->slow_ms,
                          err) < 0 ||
        admin_read_number("limit", admin_call_query(call, "limit"), LIMIT_MAX, &ret_wanted->limit, err) < 0)
        return -1;
    if (ret_wanted->limit == 0)
        ret_wanted->limit = LIMIT_USUAL;
    return 0;
}

void get_requests(struct admin_call *call)
{
    const struct request_history *history = request_book_history(call->parts->requests);
    struct wanted wanted;
    struct error err;
    if (read_wanted(call, &wanted, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    bool in_smaller =
        wanted.failed || (wanted.slow_ms > 0 && wanted.slow_ms >= request_history_slow_ms(history));
    wanted.list = json_array();
    request_history_visit(history, in_smaller ? HISTORY_FAILED_OR_SLOW : HISTORY_ALL, add_wanted, &wanted);
    admin_call_json(call, HTTP_OK, wanted.list);
}

/* --- one --- */

/* What is told, and whose lines are to be added to it: those of the newest request with the id. */
struct details {
    json_t *records, *output;
    struct log_query query;
};

static bool add_whole(const struct request_note *note, void *context)
{
    struct details *details = context;
    struct log_query *query = &details->query;
    if (json_array_size(details->records) == 0 && note->is_routed) {
        query->function = xstrdup(note->texts[NOTE_FUNCTION]);
        query->request_id = xstrdup(note->texts[NOTE_ID]);
        query->with_neighbours = true;
        query->since_ns = note->began_ms * UINT64_C(1000000);
        query->until_ns = note->ended_ns + AFTER_NS;
        if (note->instance)
            query->instance = xasprintf("%012" PRIx64, note->instance);
    }
    json_array_append_new(details->records, whole_json(note));
    return json_array_size(details->records) < LIMIT_USUAL;
}

static void free_details(void *context)
{
    struct details *details = context;
    log_query_clear(&details->query);
    json_decref(details->records);
    json_decref(details->output);
    free(details);
}

static void read_output(void *context)
{
    struct details *details = context;
    details->output = log_query_list(&details->query, LINES_MAX);
}

static void answer_details(struct admin_call *call, void *context)
{
    const struct details *details = context;
    json_t *output = details->output ? json_incref(details->output) : json_array();
    admin_call_json(call, HTTP_OK, json_pack("{s:O, s:o}", "records", details->records, "output", output));
}

static const struct admin_job details_job = {
    .work = read_output, .answer = answer_details, .free = free_details};

static void refuse_unknown(struct admin_call *call)
{
    struct error err;
    error_set(&err, ERROR_REQUEST_UNKNOWN, "no record of a request %.128s is kept", call->name);
    error_hint(&err, "berth requests shows those that are");
    admin_call_refuse(call, &err);
}

/* How long its last lines may still be on their way. */
static unsigned settle_ms(const struct details *details)
{
    uint64_t now_ms = wall_clock_ms(), ended_ms = (details->query.until_ns - AFTER_NS) / 1000000u;
    uint64_t left_ms = ended_ms + SETTLE_MS > now_ms ? ended_ms + SETTLE_MS - now_ms : 0;
    return (unsigned)(left_ms < SETTLE_MS ? left_ms : SETTLE_MS);
}

void get_request(struct admin_call *call)
{
    struct details *details = xcalloc(1, sizeof(*details));
    details->records = json_array();
    request_history_find(request_book_history(call->parts->requests), call->name, add_whole, details);
    if (json_array_size(details->records) > 0 && details->query.function && call->parts->logs) {
        details->query.dir = xstrdup(log_store_dir(call->parts->logs));
        admin_call_work(call, settle_ms(details), &details_job, details);
        return;
    }
    if (json_array_size(details->records) > 0)
        answer_details(call, details);
    else
        refuse_unknown(call);
    free_details(details);
}
