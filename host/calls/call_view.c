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

static json_t *time_or_null(uint64_t time_ms)
{
    char text[RFC3339_SIZE];
    return time_ms > 0 ? json_string(rfc3339_write(time_ms, text)) : json_null();
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
static json_t *view_error(const struct call_record *record)
{
    if (!record->reason)
        return json_null();
    return json_pack("{s:o, s:o}", "reason", json_text(record->reason), "message",
                     json_text(record->message));
}

static json_t *view_last(const struct call_record *record)
{
    if (record->attempt_ms == 0 && !record->reason)
        return json_null();
    json_t *status = record->status > 0 ? json_integer(record->status) : json_null();
    return json_pack("{s:o, s:o, s:o}", "status", status, "error", view_error(record), "at",
                     time_or_null(record->attempt_ms));
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

json_t *call_view_public(const struct call_record *record)
{
    uint64_t next_ms = record->state == CALL_WAITING ? record->due_ms : 0;
    return json_pack("{s:s, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "id", record->id, "function",
                     json_text(record->function), "state", call_state_name(record->state), "accepted_at",
                     time_or_null(record->accepted_ms), "attempts", (int)record->attempts, "next_attempt_at",
                     time_or_null(next_ms), "ended_at", time_or_null(record->ended_ms), "last",
                     view_last(record), "result", view_result(record));
}
