#include "admin/call_json.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/redact.h"
#include "calls/call_view.h"

#include <string.h>
#include <strings.h>

/* --- states --- */

int call_state_find(const char *name, enum call_state *ret_state)
{
    for (unsigned state = 0; state < CALL_STATE_COUNT; state++) {
        if (strcmp(call_state_name(state), name) == 0) {
            *ret_state = state;
            return 0;
        }
    }
    return -1;
}

/* --- members --- */

/* Queries may have secrets. */
static json_t *without_query(const char *target)
{
    cleanup_free char *path = target ? xstrndup(target, strcspn(target, "?#")) : NULL;
    if (path)
        redact_urls(path);
    return json_text(path);
}

/* --- headers --- */

/* Whether a header of this name may have what lets one in. */
static bool is_credential(const char *name)
{
    static const char *const parts[] = {"auth",   "cookie",  "credential", "key",  "passw",
                                        "secret", "session", "signature",  "token"};
    if (strcasecmp(name, "Idempotency-Key") == 0)
        return false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (strcasestr(name, parts[i]))
            return true;
    }
    return false;
}

static json_t *headers_json(const char *lines)
{
    json_t *headers = call_view_headers(lines), *value;
    const char *name;
    json_object_foreach(headers, name, value)
    {
        if (is_credential(name))
            json_object_set_new(headers, name, json_string("(hidden)"));
    }
    return headers;
}

/* --- a call --- */

json_t *call_json(const struct call_record *record)
{
    const bool waits = record->state == CALL_WAITING;
    return json_pack("{s:I, s:s, s:o, s:s, s:i, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", (json_int_t)record->number, "id", record->id, "function",
                     json_text(record->function), "state", call_state_name(record->state), "attempts",
                     (int)record->attempts, "method", json_text(record->method), "path",
                     without_query(record->target), "bytes", (json_int_t)record->body_size, "accepted",
                     call_view_time(record->accepted_ms), "due", call_view_time(waits ? record->due_ms : 0),
                     "ended", call_view_time(record->ended_ms), "status", call_view_status(record->status),
                     "reason", json_text(record->reason), "message", json_text(record->message), "schedule",
                     json_text(record->schedule), "scheduled", call_view_time(record->scheduled_ms), "origin",
                     json_text(record->origin));
}

static json_t *result_json(const struct call_record *record)
{
    if (!record->result_head)
        return json_null();
    return json_pack("{s:i, s:o, s:I, s:b}", "status", record->status, "headers",
                     headers_json(record->result_head), "bytes", (json_int_t)record->result_size, "cut",
                     record->result_cut);
}

json_t *call_details_json(const struct call_record *record)
{
    json_t *json = call_json(record);
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "client", json_text(record->client), "request_id",
                  json_text(record->request_id), "callback_url", without_query(record->callback_url),
                  "expires", call_view_time(record->expires_ms), "headers",
                  headers_json(record->head ? record->head : ""), "result", result_json(record));
    json_object_update(json, more);
    json_decref(more);
    return json;
}

json_t *callback_json(const struct callback_record *record)
{
    if (!record)
        return json_null();
    return json_pack("{s:s, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "state",
                     callback_state_name(record->state), "attempts", (int)record->attempts, "receiver",
                     json_text(record->receiver), "signed", record->is_signed, "due",
                     call_view_time(record->state == CALLBACK_STATE_WAITING ? record->due_ms : 0), "ended",
                     call_view_time(record->ended_ms), "status", call_view_status(record->status), "reason",
                     json_text(record->reason), "message", json_text(record->message));
}
