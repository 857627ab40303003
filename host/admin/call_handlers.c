#include "admin/admin_handlers.h"

#include "admin/call_json.h"
#include "admin/call_question.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/call_view.h"
#include "calls/calls.h"
#include "store/call_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_USUAL 50
#define LIMIT_MAX   1000
#define CHANGED_MAX 1000 /* dead letters at once: no call is accepted meanwhile */

struct dead_change;

/* What is asked for, and what comes of it. */
struct asked {
    char *name; /* of one: its id or its number; NULL: many are meant */
    char *function; /* of many: whose; NULL: everybody's */
    struct call_filter filter; /* which of many */
    struct call_page page; /* what that comes to */
    const struct dead_change *change; /* what is to become of dead letters */
    json_t *json; /* the answer */
    struct error refusal; /* without `json` */
};

/* The name may be empty, and is one of no call then. */
static struct asked *ask_for_one(const struct admin_call *call)
{
    struct asked *asked = xcalloc(1, sizeof(*asked));
    asked->name = xstrdup(call->name);
    return asked;
}

static struct asked *ask_for_many(const struct admin_call *call)
{
    const char *function = admin_call_query(call, "function");
    struct asked *asked = xcalloc(1, sizeof(*asked));
    asked->function = function && *function ? xstrdup(function) : NULL;
    return asked;
}

static void free_asked(void *context)
{
    struct asked *asked = context;
    free(asked->name);
    free(asked->function);
    call_page_clear(&asked->page);
    json_decref(asked->json);
    free(asked);
}

static void answer(struct admin_call *call, void *context)
{
    const struct asked *asked = context;
    if (asked->json)
        admin_call_json(call, HTTP_OK, json_incref(asked->json));
    else
        admin_call_refuse(call, &asked->refusal);
}

static void refuse_parameter(struct admin_call *call, struct asked *asked, const struct error *err)
{
    admin_call_refuse(call, err);
    free_asked(asked);
}

/* --- lists --- */

static int list(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                struct error *err)
{
    struct asked *asked = context;
    (void)calls, (void)ret_durable;
    return call_page_read(store, &asked->filter, &asked->page, err);
}

static void answer_page(struct admin_call *call, void *context)
{
    const struct asked *asked = context;
    json_t *json = json_array();
    for (size_t i = 0; i < asked->page.count; i++)
        json_array_append_new(json, call_json(&asked->page.records[i]));
    admin_call_json(call, HTTP_OK, json);
}

static const struct call_job list_job = {.work = list, .answer = answer_page, .free = free_asked};

static int read_state(const char *name, int *ret_state, struct error *err)
{
    enum call_state state;
    if (!name || !*name)
        return 0;
    if (call_state_find(name, &state) < 0) {
        error_set(err, ERROR_PARAMETER_INVALID, "no call is in a state \"%.32s\"", name);
        return error_hint(err, "waiting, running, done, dead or cancelled");
    }
    *ret_state = (int)state;
    return 0;
}

/* Which page of many is meant. */
static int read_page(const struct admin_call *call, struct asked *asked, unsigned usual, unsigned max,
                     struct error *err)
{
    uint64_t before = 0, limit = 0;
    if (admin_read_number("before", admin_call_query(call, "before"), INT64_MAX, &before, err) < 0 ||
        admin_read_number("limit", admin_call_query(call, "limit"), max, &limit, err) < 0)
        return -1;
    asked->filter = (struct call_filter){.function = asked->function,
                                         .state = -1,
                                         .before = (int64_t)before,
                                         .limit = limit ? (unsigned)limit : usual};
    return 0;
}

static void answer_list(struct admin_call *call, const char *state)
{
    struct error err;
    struct asked *asked = ask_for_many(call);
    if (read_page(call, asked, LIMIT_USUAL, LIMIT_MAX, &err) < 0 ||
        read_state(state, &asked->filter.state, &err) < 0)
        refuse_parameter(call, asked, &err);
    else
        admin_call_ask(call, &list_job, asked);
}

void get_calls(struct admin_call *call)
{
    answer_list(call, admin_call_query(call, "state"));
}

void get_dead(struct admin_call *call)
{
    answer_list(call, "dead");
}

/* --- one --- */

/* A call's number, for a name that is one; 0: it is none. */
static int64_t read_number(const char *name)
{
    struct error err;
    uint64_t number = 0;
    bool is_number = strspn(name, "0123456789") == strlen(name) && strlen(name) < CALL_ID_DIGITS;
    return is_number && admin_read_number("id", name, INT64_MAX, &number, &err) == 0 ? (int64_t)number : 0;
}

/* 1, and the caller clears *ret_record; 0: there is none, which is what is answered. */
static int find(struct call_store *store, struct asked *asked, struct call_record *ret_record,
                struct error *err)
{
    int64_t number = read_number(asked->name);
    bool is_id = strlen(asked->name) == CALL_ID_DIGITS;
    int found =
        number || is_id ? call_store_find(store, is_id ? asked->name : NULL, number, ret_record, err) : 0;
    if (found == 0) {
        error_set(&asked->refusal, ERROR_CALL_UNKNOWN, "no call %.64s is kept", asked->name);
        error_hint(&asked->refusal, "berth calls shows those that are");
    }
    return found;
}

static json_t *attempt_json(const struct call_attempt *attempt)
{
    char began[RFC3339_SIZE], ended[RFC3339_SIZE];
    const bool has_ended = attempt->ended_ms > 0;
    return json_pack("{s:i, s:o, s:s, s:s?, s:o, s:o, s:o, s:o}", "number", (int)attempt->ordinal,
                     "request_id", json_text(attempt->request_id), "began",
                     rfc3339_write(attempt->begun_ms, began), "ended",
                     has_ended ? rfc3339_write(attempt->ended_ms, ended) : NULL, "duration_ms",
                     has_ended ? json_integer((json_int_t)attempt->run_ms) : json_null(), "status",
                     attempt->status ? json_integer(attempt->status) : json_null(), "reason",
                     json_text(attempt->reason), "message", json_text(attempt->message));
}

static json_t *attempts_json(const struct call_attempts *attempts)
{
    json_t *tries = json_array();
    for (size_t i = 0; i < attempts->count; i++)
        json_array_append_new(tries, attempt_json(&attempts->attempts[i]));
    return tries;
}

static int add_callback(struct call_store *store, json_t *json, int64_t number, struct error *err)
{
    struct callback_record callback;
    int found = call_callbacks_find(store, number, &callback, err);
    if (found < 0)
        return -1;
    json_object_set_new(json, "callback", callback_json(found > 0 ? &callback : NULL));
    if (found > 0)
        callback_record_clear(&callback);
    return 0;
}

static int add_attempts(struct call_store *store, json_t *json, int64_t number, struct error *err)
{
    struct call_attempts attempts;
    if (call_attempts_read(store, number, &attempts, err) < 0)
        return -1;
    json_object_set_new(json, "tries", attempts_json(&attempts));
    call_attempts_clear(&attempts);
    return 0;
}

/* What is known of the call with this id. */
static int tell(struct call_store *store, struct asked *asked, const char *id, struct error *err)
{
    struct call_record record;
    int found = call_store_find_result(store, id, &record, err);
    if (found <= 0)
        return found;
    asked->json = call_details_json(&record);
    int rc = 0;
    if (add_attempts(store, asked->json, record.number, err) < 0 ||
        add_callback(store, asked->json, record.number, err) < 0)
        rc = -1;
    call_record_clear(&record);
    return rc;
}

static int show(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                struct error *err)
{
    struct asked *asked = context;
    struct call_record record;
    (void)calls, (void)ret_durable;
    int found = find(store, asked, &record, err);
    if (found <= 0)
        return found;
    int rc = tell(store, asked, record.id, err);
    call_record_clear(&record);
    return rc;
}

static const struct call_job show_job = {.work = show, .answer = answer, .free = free_asked};

void get_call(struct admin_call *call)
{
    admin_call_ask(call, &show_job, ask_for_one(call));
}

static int cancel(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                  struct error *err)
{
    struct asked *asked = context;
    struct call_record record;
    int found = find(store, asked, &record, err);
    if (found <= 0)
        return found;
    int cancelled = calls_cancel(calls, &record, err);
    *ret_durable = cancelled > 0;
    if (cancelled > 0)
        asked->json = call_json(&record);
    else if (cancelled == 0)
        error_set(&asked->refusal, ERROR_CALL_ENDED, "call %" PRId64 " has ended already: it is %s",
                  record.number, call_state_name(record.state));
    call_record_clear(&record);
    return cancelled < 0 ? -1 : 0;
}

static const struct call_job cancel_job = {.work = cancel, .answer = answer, .free = free_asked};

void delete_call(struct admin_call *call)
{
    admin_call_ask(call, &cancel_job, ask_for_one(call));
}

/* --- dead letters --- */

/* What can be done with them. */
struct dead_change {
    const char *member; /* of the answer, that says how many it was done with */
    const char *event; /* of the log: nothing goes without a line there */
    int (*make)(struct call_store *store, int64_t number, int64_t *ret_count, struct error *err);
};

static int redrive(struct call_store *store, int64_t number, int64_t *ret_count, struct error *err)
{
    return call_store_redrive(store, number, NULL, wall_clock_ms(), ret_count, err);
}

static int drop(struct call_store *store, int64_t number, int64_t *ret_count, struct error *err)
{
    return call_store_drop(store, number, NULL, ret_count, err);
}

static const struct dead_change redriving = {"redriven", "call.redriven", redrive};
static const struct dead_change dropping = {"dropped", "call.dropped", drop};

/* 1; 0: what is answered is that it cannot be done. */
static int change_one(struct call_store *store, struct asked *asked, int64_t *ret_count, struct error *err)
{
    struct call_record record;
    int found = find(store, asked, &record, err);
    if (found <= 0)
        return found;
    int64_t number = record.number;
    bool is_dead = record.state == CALL_DEAD;
    error_set(&asked->refusal, ERROR_CALL_NOT_DEAD, "call %" PRId64 " is no dead letter: it is %s", number,
              call_state_name(record.state));
    call_record_clear(&record);
    if (!is_dead)
        return 0;
    error_set(&asked->refusal, ERROR_CALL_LOST, "what call %" PRId64 " was called with is lost", number);
    return asked->change->make(store, number, ret_count, err) < 0 ? -1 : *ret_count > 0;
}

/* *ret_next: below which number there may be more; 0: there are none. 1. */
static int change_page(struct call_store *store, struct asked *asked, int64_t *ret_count, int64_t *ret_next,
                       struct error *err)
{
    const struct call_page *page = &asked->page;
    if (call_page_read(store, &asked->filter, &asked->page, err) < 0)
        return -1;
    for (size_t i = 0; i < page->count; i++) {
        int64_t count = 0;
        if (asked->change->make(store, page->records[i].number, &count, err) < 0)
            return -1;
        *ret_count += count;
    }
    if (page->count == asked->filter.limit)
        *ret_next = page->records[page->count - 1].number;
    return 1;
}

static int change(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                  struct error *err)
{
    struct asked *asked = context;
    int64_t count = 0, next = 0;
    (void)calls;
    int rc =
        asked->name ? change_one(store, asked, &count, err) : change_page(store, asked, &count, &next, err);
    *ret_durable = count > 0;
    if (rc > 0)
        asked->json = json_pack("{s:I, s:o}", asked->change->member, (json_int_t)count, "next",
                                next ? json_integer((json_int_t)next) : json_null());
    return rc < 0 ? -1 : 0;
}

static void answer_changed(struct admin_call *call, void *context)
{
    const struct asked *asked = context;
    if (asked->json)
        log_info(asked->change->event, LOG_STR("function", asked->function), LOG_STR("call", asked->name),
                 LOG_INT("count", json_integer_value(json_object_get(asked->json, asked->change->member))));
    answer(call, context);
}

static const struct call_job change_job = {.work = change, .answer = answer_changed, .free = free_asked};

static void change_dead_letter(struct admin_call *call, const struct dead_change *change)
{
    struct asked *asked = ask_for_one(call);
    asked->change = change;
    admin_call_ask(call, &change_job, asked);
}

/* Those of a function, or all when that is said: a forgotten parameter is to cost nothing. */
static int check_many(const struct admin_call *call, const struct asked *asked, struct error *err)
{
    const char *all = admin_call_query(call, "all");
    if (asked->function || (all && strcmp(all, "1") == 0))
        return 0;
    error_set(err, ERROR_PARAMETER_INVALID, "which dead letters are meant is not said");
    return error_hint(err, "function=NAME for those of a function, all=1 for those of all");
}

static void change_dead(struct admin_call *call, const struct dead_change *change)
{
    struct error err;
    struct asked *asked = ask_for_many(call);
    asked->change = change;
    if (check_many(call, asked, &err) < 0 || read_page(call, asked, CHANGED_MAX, CHANGED_MAX, &err) < 0) {
        refuse_parameter(call, asked, &err);
        return;
    }
    asked->filter.state = CALL_DEAD;
    admin_call_ask(call, &change_job, asked);
}

void delete_dead(struct admin_call *call)
{
    change_dead(call, &dropping);
}

void post_dead_redrive(struct admin_call *call)
{
    change_dead(call, &redriving);
}

void delete_dead_letter(struct admin_call *call)
{
    change_dead_letter(call, &dropping);
}

void post_dead_letter_redrive(struct admin_call *call)
{
    change_dead_letter(call, &redriving);
}
