#include "calls/call_view.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/rfc3339.h"

#include <stdio.h>
#include <string.h>

const char *call_state_name(enum call_state state)
{
    static const char *const names[CALL_STATE_COUNT] = {[CALL_WAITING] = "waiting",
                                                        [CALL_RUNNING] = "running",
                                                        [CALL_DONE] = "done",
                                                        [CALL_DEAD] = "dead",
                                                        [CALL_CANCELLED] = "cancelled"};
    return names[state];
}

const char *callback_state_name(enum callback_state state)
{
    static const char *const names[] = {[CALLBACK_STATE_WAITING] = "waiting",
                                        [CALLBACK_STATE_POSTING] = "posting",
                                        [CALLBACK_STATE_DELIVERED] = "delivered",
                                        [CALLBACK_STATE_GIVEN_UP] = "given-up"};
    return names[state];
}

json_t *call_view_time(uint64_t time_ms)
{
    char text[RFC3339_SIZE];
    return time_ms > 0 ? json_string(rfc3339_write(time_ms, text)) : json_null();
}

json_t *call_view_status(int status)
{
    return status > 0 ? json_integer(status) : json_null();
}

static void add_header(json_t *headers, const char *name, json_t *value)
{
    json_t *former = json_object_get(headers, name);
    if (!former)
        json_object_set_new(headers, name, value);
    else if (json_is_array(former))
        json_array_append_new(former, value);
    else
        json_object_set_new(headers, name, json_pack("[O, o]", former, value));
}

json_t *call_view_headers(const char *lines)
{
    json_t *headers = json_object();
    const char *end;
    for (; (end = strstr(lines, "\r\n")); lines = end + 2) {
        const char *colon = memchr(lines, ':', (size_t)(end - lines));
        if (!colon)
            continue;
        cleanup_free char *name = xstrndup(lines, (size_t)(colon - lines));
        const char *value = colon + 1 + strspn(colon + 1, " ");
        cleanup_free char *text = xstrndup(value, (size_t)(end - value));
        add_header(headers, name, json_text(text));
    }
    return headers;
}

/* How the last attempt failed, or why there will be no other. */
static json_t *view_error(const char *reason, const char *message)
{
    if (!reason)
        return json_null();
    return json_pack("{s:o, s:o}", "reason", json_text(reason), "message", json_text(message));
}

static json_t *view_last(const struct call_record *record)
{
    if (record->attempt_ms == 0 && !record->reason)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "status", call_view_status(record->status), "error",
                     view_error(record->reason, record->message), "at", call_view_time(record->attempt_ms));
}

static json_t *view_result(const struct call_record *record)
{
    char url[64];
    if (!record->result_head)
        return json_null();
    snprintf(url, sizeof(url), "/async/%s/result", record->id);
    return json_pack("{s:i, s:o, s:I, s:b, s:s}", "status", record->status, "headers",
                     call_view_headers(record->result_head), "bytes", (json_int_t)record->result_size,
                     "is_cut", record->result_cut, "url", url);
}

static json_t *view_callback(const struct callback_record *callback)
{
    uint64_t next_ms = callback->state == CALLBACK_STATE_WAITING ? callback->due_ms : 0;
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "state", callback_state_name(callback->state),
                     "attempts", (int)callback->attempts, "next_attempt_at", call_view_time(next_ms),
                     "status", call_view_status(callback->status), "error",
                     view_error(callback->reason, callback->message), "at",
                     call_view_time(callback->ended_ms));
}

json_t *call_view_public(const struct call_record *record, const struct callback_record *callback)
{
    json_t *posted = record->callback_url ? view_callback(callback) : json_null();
    uint64_t next_ms = record->state == CALL_WAITING ? record->due_ms : 0;
    return json_pack("{s:s, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "id", record->id, "function",
                     json_text(record->function), "state", call_state_name(record->state), "accepted_at",
                     call_view_time(record->accepted_ms), "attempts", (int)record->attempts,
                     "next_attempt_at", call_view_time(next_ms), "ended_at", call_view_time(record->ended_ms),
                     "last", view_last(record), "result", view_result(record), "callback", posted);
}
