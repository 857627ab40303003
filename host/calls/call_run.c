#include "calls/call_run.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/table.h"
#include "calls/call_counts.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/delivery.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_MAX 512

enum run_state {
    RUN_BEGINNING, /* that it begins is written down with this turn */
    RUN_UNDER_WAY,
    RUN_ENDED, /* how it ended is being written down, or cannot be for now */
};

struct call_run {
    UT_hash_handle hh; /* by its number */
    LIST_ENTRY(call_run) link;
    struct call_runs *all;
    struct calls_env *env;
    struct lane *lane;
    struct turn_step step; /* of its beginning and of its end */
    struct turn_step cancel_step;
    enum run_state state;
    bool cancelled; /* which is written down with this turn */
    bool is_noted; /* its end is, with this turn */
    struct call_record record;
    struct delivery *delivery;
    struct delivery_result result; /* with RUN_ENDED */
    struct retry_decision decision; /* the same */
    struct event again;
};

static void forget(struct call_run *run)
{
    run->lane->running--;
    lane_look(run->lane);
    HASH_DELETE(hh, run->all->by_number, run);
    LIST_REMOVE(run, link);
    event_del(&run->again);
    delivery_destroy(run->delivery);
    call_record_clear(&run->record);
    free(run);
}

/* --- the end --- */

static void try_again(struct call_run *run, const struct error *err)
{
    struct timeval wait = {.tv_sec = CALL_AGAIN_MS / 1000};
    lanes_note_refusal(run->lane->all, err);
    event_add(&run->again, &wait);
}

static void log_end(const struct call_run *run)
{
    const struct call_record *record = &run->record;
    const struct delivery_result *result = &run->result;
    const struct log_field fields[] = {LOG_STR("call", record->id),
                                       LOG_STR("function", record->function),
                                       LOG_INT("attempt", record->attempts),
                                       LOG_INT("status", result->status),
                                       LOG_STR("reason", result->reason),
                                       LOG_STR("message", result->message),
                                       {.kind = LOG_KIND_END}};
    switch (run->decision.verdict) {
    case RETRY_DONE:
        log_write(LOG_DEBUG, LOG_TRAFFIC, "call.done", fields);
        return;
    case RETRY_AGAIN:
        log_write(LOG_INFO, LOG_TRAFFIC, "call.retried", fields);
        return;
    case RETRY_PUT_BACK:
        log_write(LOG_DEBUG, LOG_TRAFFIC, "call.put-back", fields);
        return;
    case RETRY_GIVE_UP:
    case RETRY_TOO_OLD:
        log_write(LOG_WARNING, LOG_CHANGE, "call.dead", fields);
    }
}

static void count_end(struct call_counts *counts, enum retry_verdict verdict)
{
    switch (verdict) {
    case RETRY_DONE:
        call_count_add(counts, CALL_COUNT_ATTEMPTS_DONE, 1);
        call_count_add(counts, CALL_COUNT_ENDED_DONE, 1);
        return;
    case RETRY_AGAIN:
        call_count_add(counts, CALL_COUNT_ATTEMPTS_FAILED, 1);
        return;
    case RETRY_PUT_BACK:
        call_count_add(counts, CALL_COUNT_ATTEMPTS_PUT_BACK, 1);
        return;
    case RETRY_GIVE_UP:
    case RETRY_TOO_OLD:
        call_count_add(counts, CALL_COUNT_ATTEMPTS_FAILED, 1);
        call_count_add(counts, CALL_COUNT_ENDED_DEAD, 1);
    }
}

static void on_end_noted(struct turn_step *step, const struct error *failure)
{
    struct call_run *run = container_of(step, struct call_run, step);
    run->is_noted = false;
    if (failure) {
        try_again(run, failure);
        return;
    }
    lanes_note_success(run->lane->all);
    log_end(run);
    count_end(run->env->counts, run->decision.verdict);
    forget(run);
}

/* Of the call, as the decision has it. */
static void describe(const struct call_run *run, char text[MESSAGE_MAX], struct call_outcome *outcome)
{
    const struct delivery_result *result = &run->result;
    const char *message = result->message;
    outcome->reason = result->reason;
    outcome->message = message;
    if (run->decision.verdict == RETRY_DONE)
        return;
    if (result->kind == ATTEMPT_ANSWERED) {
        outcome->reason = "function-status";
        outcome->message = text;
        snprintf(text, MESSAGE_MAX, "The function answered with %d.", result->status);
    }
    if (run->decision.verdict == RETRY_TOO_OLD) {
        char former[MESSAGE_MAX];
        snprintf(former, sizeof(former), "%s", outcome->message);
        outcome->reason = "max-age";
        outcome->message = text;
        snprintf(text, MESSAGE_MAX, "The call reached its max_age after %u attempts. Last: %.400s",
                 run->record.attempts, former);
    }
}

static int write_end(struct call_run *run, struct call_store *store, struct error *err)
{
    struct calls_env *env = run->env;
    const struct delivery_result *result = &run->result;
    const struct call_record *record = &run->record;
    char text[MESSAGE_MAX];
    struct call_outcome outcome = {
        .status = result->status, .ended_ms = result->ended_ms, .run_ms = result->run_ms};
    describe(run, text, &outcome);
    switch (run->decision.verdict) {
    case RETRY_AGAIN:
        turn_must_last(env->turn);
        return call_store_retry(store, record->number, &outcome, run->decision.due_ms, true, err);
    case RETRY_PUT_BACK:
        return call_store_retry(store, record->number, &outcome, result->ended_ms, false, err);
    default:
        outcome.result_head = result->head;
        outcome.result = result->body;
        outcome.result_cut = result->cut;
        return call_end(env, store, record, run->decision.verdict == RETRY_DONE ? CALL_DONE : CALL_DEAD,
                        &outcome, err);
    }
}

/* Writes down how the attempt ended. Nothing else becomes of the call before that has worked. */
static void note_end(struct call_run *run)
{
    struct turn *turn = run->env->turn;
    struct call_store *store;
    struct error err;
    if (run->cancelled || run->is_noted)
        return;
    if (turn_enter(turn, &store, &err) < 0) {
        try_again(run, &err);
        return;
    }
    if (write_end(run, store, &err) < 0) {
        turn_fail(turn, &err);
        try_again(run, &err);
        return;
    }
    run->is_noted = true;
    run->step.done = on_end_noted;
    turn_then(turn, &run->step);
}

static void decide(struct call_run *run)
{
    struct delivery_result *result = &run->result;
    if (run->all->is_stopping && result->kind == ATTEMPT_BROKEN) {
        result->kind = ATTEMPT_NOT_MADE;
        result->reason = "shutting-down";
    }
    struct retry_case attempt = {.kind = result->kind,
                                 .status = result->status,
                                 .retry_after_ms = result->retry_after_ms,
                                 .attempts = run->record.attempts,
                                 .since_ms = run->record.since_ms,
                                 .now_ms = result->ended_ms,
                                 .chance = arc4random()};
    run->decision = retry_decide(call_plan_settings(run->env->plan, run->lane->name), &attempt);
    if (run->decision.verdict == RETRY_PUT_BACK)
        lane_hold(run->lane, clock_ms());
    else
        run->lane->holds = 0;
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    note_end(context);
}

static void on_ended(void *owner, const struct delivery_result *result)
{
    struct call_run *run = owner;
    run->state = RUN_ENDED;
    run->result = *result;
    decide(run);
    note_end(run);
}

/* It came to no attempt. */
static void put_back(struct call_run *run, const char *reason, const char *message)
{
    const struct delivery_result result = {
        .kind = ATTEMPT_NOT_MADE, .reason = reason, .message = message, .ended_ms = wall_clock_ms()};
    on_ended(run, &result);
}

/* --- the beginning --- */

/* A body that has gone no other attempt would bring back; one that is there may be read later, when there are
 * descriptors again, say. */
static void fail_start(struct call_run *run, const struct error *err)
{
    static const char message[] = "The body of the call cannot be read.";
    log_warning("call.unreadable", LOG_STR("call", run->record.id), LOG_ERR(err));
    if (fs_exists(run->record.body_file)) {
        put_back(run, "body-unreadable", message);
        return;
    }
    const struct delivery_result result = {
        .kind = ATTEMPT_REFUSED, .reason = "body-lost", .message = message, .ended_ms = wall_clock_ms()};
    on_ended(run, &result);
}

static void start(struct call_run *run)
{
    struct calls_env *env = run->env;
    const struct call_settings *settings = call_plan_settings(env->plan, run->lane->name);
    struct delivery_spec spec = {.env = env,
                                 .record = &run->record,
                                 .attempt = run->record.attempts,
                                 .keeps_result = call_end_needs_result(settings, &run->record),
                                 .ended = on_ended,
                                 .owner = run};
    struct error err;
    run->state = RUN_UNDER_WAY;
    if (delivery_start(&spec, &run->delivery, &err) < 0)
        fail_start(run, &err);
}

/* What failed may have been kept all the same, when it is only the disk that does not confirm it. */
static void on_begun(struct turn_step *step, const struct error *failure)
{
    struct call_run *run = container_of(step, struct call_run, step);
    if (run->cancelled)
        return;
    if (!failure) {
        start(run);
        return;
    }
    lanes_note_refusal(run->lane->all, failure);
    put_back(run, error_code_slug(ERROR_CALLS_STORE), "The store of calls did not take its beginning.");
}

int call_run_begin(struct call_runs *runs, struct lane *lane, struct call_store *store,
                   struct call_record *record, uint64_t now_ms, struct error *err)
{
    struct calls_env *env = lane->all->env;
    char request_id[REQUEST_ID_MAX];
    record->attempts++;
    delivery_request_id(record->id, record->attempts, request_id);
    if (call_store_begin_attempt(store, record->number, request_id, now_ms, err) < 0) {
        call_record_clear(record);
        return -1;
    }
    struct call_run *run = xcalloc(1, sizeof(*run));
    run->all = runs;
    run->env = env;
    run->lane = lane;
    run->record = *record;
    run->step.done = on_begun;
    evtimer_assign(&run->again, env->base, on_again, run);
    HASH_ADD(hh, runs->by_number, record.number, sizeof(run->record.number), run);
    LIST_INSERT_HEAD(&runs->list, run, link);
    lane->running++;
    turn_then(env->turn, &run->step);
    return 0;
}

/* --- other ends --- */

static struct call_run *find(const struct call_runs *runs, int64_t number)
{
    struct call_run *run;
    HASH_FIND(hh, runs->by_number, &number, sizeof(number), run);
    return run;
}

bool call_runs_have(const struct call_runs *runs, int64_t number)
{
    return find(runs, number) != NULL;
}

static void on_cancelled(struct turn_step *step, const struct error *failure)
{
    struct call_run *run = container_of(step, struct call_run, cancel_step);
    run->cancelled = false;
    if (!failure)
        call_count_add(run->env->counts, CALL_COUNT_ATTEMPTS_CANCELLED, 1);
    if (failure && run->state == RUN_ENDED)
        note_end(run);
    else if (!failure || run->state == RUN_BEGINNING)
        forget(run);
}

void call_runs_cancel(struct call_runs *runs, int64_t number)
{
    struct call_run *run = find(runs, number);
    if (!run)
        return;
    run->cancelled = true;
    run->cancel_step.done = on_cancelled;
    turn_then(run->env->turn, &run->cancel_step);
}

static void break_off(struct call_run *run)
{
    delivery_destroy(run->delivery);
    run->delivery = NULL;
    put_back(run, "shutting-down", "Berth was stopped meanwhile.");
}

void call_runs_break_off(struct call_runs *runs)
{
    struct call_run *run;
    LIST_FOREACH(run, &runs->list, link)
    {
        if (run->state == RUN_UNDER_WAY)
            break_off(run);
        else if (run->state == RUN_ENDED)
            note_end(run);
    }
}

void call_runs_clear(struct call_runs *runs)
{
    struct call_run *run, *next;
    for (run = LIST_FIRST(&runs->list); run; run = next) {
        next = LIST_NEXT(run, link);
        forget(run);
    }
}
