#include "calls/scheduled_call.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "config/schedule_times.h"
#include "store/call_id.h"

#include <jansson.h>
#include <string.h>

static bool is_json(const char *body)
{
    json_t *json = json_loads(body, JSON_DECODE_ANY, NULL);
    json_decref(json);
    return json;
}

static char *make_head(const struct scheduled_call *run)
{
    const struct function_schedule *schedule = run->schedule;
    const char *type = !schedule->body           ? ""
                       : is_json(schedule->body) ? "Content-Type: application/json\r\n"
                                                 : "Content-Type: text/plain; charset=utf-8\r\n";
    char planned[RFC3339_SIZE];
    return xasprintf("X-Berth-Schedule: %s\r\nX-Berth-Scheduled-At: %s\r\n%s", schedule->name,
                     rfc3339_write(run->planned_ms, planned), type);
}

int scheduled_call_put(struct call_store *store, const struct scheduled_call *run, int64_t *ret_number,
                       struct error *err)
{
    const struct function_schedule *schedule = run->schedule;
    const uint64_t due_ms = run->planned_ms + schedule_delay_ms(run->function, schedule, run->planned_ms);
    cleanup_free char *head = make_head(run);
    char id[CALL_ID_DIGITS + 1];
    call_id_make(run->now_ms, id);
    const struct call_new call = {
        .id = id,
        .function = run->function,
        .method = "POST",
        .target = schedule->path ? schedule->path : "",
        .head = head,
        .body = {.bytes = schedule->body, .size = schedule->body ? strlen(schedule->body) : 0},
        .schedule = schedule->name,
        .scheduled_ms = run->planned_ms,
        .accepted_ms = run->now_ms,
        .due_ms = due_ms > run->now_ms ? due_ms : run->now_ms};
    return call_store_put(store, &call, ret_number, err);
}
