#include "admin/admin_handlers.h"

#include "admin/call_json.h"
#include "admin/call_question.h"
#include "base/alloc.h"
#include "base/rfc3339.h"
#include "calls/scheduled.h"
#include "config/schedule_times.h"
#include "fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

/* A schedule that the store is asked about. */
struct asked_schedule {
    char *function, *name;
    char digest[HASH_HEX_SIZE];
    json_t *json; /* of `list`: what is told of it */
};

struct asked_schedules {
    struct asked_schedule *items;
    size_t count;
    json_t *list; /* the answer */
};

static void free_asked(void *context)
{
    struct asked_schedules *asked = context;
    for (size_t i = 0; i < asked->count; i++) {
        free(asked->items[i].function);
        free(asked->items[i].name);
    }
    free(asked->items);
    json_decref(asked->list);
    free(asked);
}

static json_t *time_json(uint64_t time_ms)
{
    char text[RFC3339_SIZE];
    return json_string(rfc3339_write(time_ms, text));
}

/* --- what the settings say --- */

static json_t *next_json(const struct function_schedule *schedule)
{
    uint64_t times[SCHEDULE_TIMES_SHOWN];
    json_t *next = json_array();
    const size_t count = schedule_times(schedule, wall_clock_ms(), times);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(next, time_json(times[i]));
    return next;
}

static void add_schedules(struct asked_schedules *asked, const struct function_settings *settings)
{
    json_t *shown = function_schedules_json(settings);
    for (size_t i = 0; i < settings->schedule_count; i++) {
        const struct function_schedule *schedule = &settings->schedules[i];
        json_t *json = json_array_get(shown, i);
        json_object_set_new(json, "function", json_string(settings->name));
        json_object_set_new(json, "next", next_json(schedule));
        asked->items = xgrow(asked->items, asked->count, sizeof(*asked->items));
        struct asked_schedule *item = &asked->items[asked->count++];
        *item = (struct asked_schedule){
            .function = xstrdup(settings->name), .name = xstrdup(schedule->name), .json = json};
        scheduled_digest(schedule, item->digest);
        json_array_append(asked->list, json);
    }
    json_decref(shown);
}

/* --- what the store knows --- */

static json_t *times_json(const uint64_t *times, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, time_json(times[i]));
    return list;
}

/* The call that is its last run, as long as that is kept. */
static int add_last(struct call_store *store, json_t *json, int64_t number, struct error *err)
{
    struct call_record record;
    int found = number > 0 ? call_store_find(store, NULL, number, &record, err) : 0;
    if (found < 0)
        return -1;
    json_object_set_new(json, "last", found > 0 ? call_json(&record) : json_null());
    if (found > 0)
        call_record_clear(&record);
    return 0;
}

static int add_state(struct call_store *store, json_t *json, const struct schedule_key *key,
                     struct error *err)
{
    struct schedule_state state = {0};
    if (schedule_store_read(store, key, &state, err) < 0)
        return -1;
    json_object_set_new(json, "waiting", times_json(state.waiting, state.waiting_count));
    int rc = add_last(store, json, state.last_number, err);
    schedule_state_clear(&state);
    return rc;
}

static json_t *skip_json(const struct schedule_skipped *skip)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:o}", "reason", skip->reason, "count", (int)skip->count, "first",
                     time_json(skip->first_ms), "last", time_json(skip->last_ms), "decided",
                     time_json(skip->skipped_ms));
}

static int add_skips(struct call_store *store, json_t *json, const struct schedule_key *key,
                     struct error *err)
{
    struct schedule_skips skips;
    json_t *list = json_array();
    if (schedule_store_read_skips(store, key, &skips, err) < 0) {
        json_decref(list);
        return -1;
    }
    for (size_t i = 0; i < skips.count; i++)
        json_array_append_new(list, skip_json(&skips.items[i]));
    json_object_set_new(json, "skips", list);
    schedule_skips_clear(&skips);
    return 0;
}

static int look(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                struct error *err)
{
    struct asked_schedules *asked = context;
    (void)calls, (void)ret_durable;
    for (size_t i = 0; i < asked->count; i++) {
        const struct asked_schedule *item = &asked->items[i];
        const struct schedule_key key = {item->function, item->name, item->digest};
        if (add_state(store, item->json, &key, err) < 0 || add_skips(store, item->json, &key, err) < 0)
            return -1;
    }
    return 0;
}

static void answer(struct admin_call *call, void *context)
{
    const struct asked_schedules *asked = context;
    admin_call_json(call, HTTP_OK, json_incref(asked->list));
}

static const struct call_job schedules_job = {.work = look, .answer = answer, .free = free_asked};

void get_schedules(struct admin_call *call)
{
    struct fleet *fleet = call->parts->fleet;
    const char *wanted = admin_call_query(call, "function");
    struct asked_schedules *asked = xcalloc(1, sizeof(*asked));
    asked->list = json_array();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *function = fleet_function_at(fleet, i);
        const bool is_wanted = !wanted || !*wanted || strcmp(wanted, function_name(function)) == 0;
        if (is_wanted && !function_is_removed(function))
            add_schedules(asked, function_applied_settings(function));
    }
    admin_call_ask(call, &schedules_job, asked);
}
