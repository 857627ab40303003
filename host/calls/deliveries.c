#include "calls/deliveries.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "calls/call_counts.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/delivery.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define AGAIN_MS     1000 /* after the store has refused */
#define LOOK_LAST_MS 60000 /* a wall clock may be set meanwhile */
#define AT_ONCE_MAX  256 /* calls of all functions that one turn begins or gives up */
#define MESSAGE_MAX  512

/* The calls of one function. */
struct lane {
    UT_hash_handle hh;
    TAILQ_ENTRY(lane) looking; /* in the list while it is to be looked at */
    LIST_ENTRY(lane) link;
    struct deliveries *all;
    bool is_looking;
    unsigned running;
    unsigned holds; /* how many times in a row its calls were put back */
    uint64_t held_until_ms;
    struct event timer; /* the next time to look */
    char name[];
};

enum run_state {
    RUN_BEGINNING, /* that it begins is written down with this turn */
    RUN_UNDER_WAY,
    RUN_ENDED, /* how it ended is being written down, or cannot be for now */
};

/* A call that is running. */
struct run {
    UT_hash_handle hh; /* by its number */
    LIST_ENTRY(run) link;
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

struct deliveries {
    struct calls_env *env;
    struct lane *by_name;
    LIST_HEAD(, lane) lanes;
    TAILQ_HEAD(, lane) looking;
    struct run *by_number;
    LIST_HEAD(, run) runs;
    bool stopped;
    bool is_failing; /* the store refuses, which has been said */
};

/* --- lanes --- */

static void look(struct lane *lane)
{
    if (!lane->is_looking)
        TAILQ_INSERT_TAIL(&lane->all->looking, lane, looking);
    lane->is_looking = true;
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    look(context);
}

static struct lane *find_lane(struct deliveries *all, const char *name)
{
    struct lane *lane;
    HASH_FIND_STR(all->by_name, name, lane);
    if (lane)
        return lane;
    size_t size = strlen(name) + 1;
    lane = xcalloc(1, sizeof(*lane) + size);
    lane->all = all;
    memcpy(lane->name, name, size);
    evtimer_assign(&lane->timer, all->env->base, on_time, lane);
    LIST_INSERT_HEAD(&all->lanes, lane, link);
    HASH_ADD_KEYPTR(hh, all->by_name, lane->name, size - 1, lane);
    return lane;
}

void deliveries_look(struct deliveries *all, const char *function)
{
    look(find_lane(all, function));
}

void deliveries_look_all(struct deliveries *all)
{
    struct lane *lane;
    LIST_FOREACH(lane, &all->lanes, link)
    {
        look(lane);
    }
}

void deliveries_plan_changed(struct deliveries *all)
{
    const struct call_plan *plan = all->env->plan;
    for (size_t i = 0; i < call_plan_count(plan); i++)
        deliveries_look(all, call_plan_at(plan, i)->name);
}

static void look_at(struct lane *lane, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t last_ms = now_ms + LOOK_LAST_MS;
    timer_at(&lane->timer, due_ms < last_ms ? due_ms : last_ms, now_ms);
}

/* Once, until the store works again. */
static void note_refusal(struct deliveries *all, const struct error *err)
{
    if (!all->is_failing)
        log_warning("calls.store-failing", LOG_ERR(err));
    all->is_failing = true;
}

static void note_success(struct deliveries *all)
{
    if (all->is_failing)
        log_info("calls.store-works");
    all->is_failing = false;
}

/* --- a run's end --- */

static void note_end(struct run *run);

static void forget(struct run *run)
{
    struct lane *lane = run->lane;
    lane->running--;
    look(lane);
    HASH_DELETE(hh, lane->all->by_number, run);
    LIST_REMOVE(run, link);
    event_del(&run->again);
    delivery_destroy(run->delivery);
    call_record_clear(&run->record);
    free(run);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    note_end(context);
}

static void try_again(struct run *run, const struct error *err)
{
    struct timeval wait = {.tv_sec = AGAIN_MS / 1000};
    note_refusal(run->lane->all, err);
    event_add(&run->again, &wait);
}

static void hold(struct lane *lane, uint64_t now_ms)
{
    if (now_ms < lane->held_until_ms)
        return;
    lane->holds++;
    lane->held_until_ms = now_ms + retry_hold_ms(lane->holds, arc4random());
}

static void log_end(const struct run *run)
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
    struct run *run = container_of(step, struct run, step);
    run->is_noted = false;
    if (failure) {
        try_again(run, failure);
        return;
    }
    note_success(run->lane->all);
    log_end(run);
    count_end(run->lane->all->env->counts, run->decision.verdict);
    forget(run);
}

/* Of the call, as the decision has it. */
static void describe(const struct run *run, char text[MESSAGE_MAX], struct call_outcome *outcome)
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

static int write_end(struct run *run, struct call_store *store, struct error *err)
{
    struct calls_env *env = run->lane->all->env;
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
static void note_end(struct run *run)
{
    struct turn *turn = run->lane->all->env->turn;
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

static void decide(struct run *run)
{
    struct deliveries *all = run->lane->all;
    struct delivery_result *result = &run->result;
    if (all->stopped && result->kind == ATTEMPT_BROKEN) {
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
    run->decision = retry_decide(call_plan_settings(all->env->plan, run->lane->name), &attempt);
    if (run->decision.verdict == RETRY_PUT_BACK)
        hold(run->lane, result->ended_ms);
    else
        run->lane->holds = 0;
}

static void on_ended(void *owner, const struct delivery_result *result)
{
    struct run *run = owner;
    run->state = RUN_ENDED;
    run->result = *result;
    decide(run);
    note_end(run);
}

/* --- a run's beginning --- */

/* Its body has gone, which no other attempt would change. */
static void fail_start(struct run *run, const struct error *err)
{
    log_warning("call.unreadable", LOG_STR("call", run->record.id), LOG_ERR(err));
    const struct delivery_result result = {.kind = ATTEMPT_REFUSED,
                                           .reason = "body-lost",
                                           .message = "The body of the call cannot be read.",
                                           .ended_ms = wall_clock_ms()};
    on_ended(run, &result);
}

static void start(struct run *run)
{
    struct calls_env *env = run->lane->all->env;
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

static void on_begun(struct turn_step *step, const struct error *failure)
{
    struct run *run = container_of(step, struct run, step);
    if (run->cancelled)
        return;
    if (!failure) {
        start(run);
        return;
    }
    note_refusal(run->lane->all, failure);
    run->lane->held_until_ms = wall_clock_ms() + AGAIN_MS;
    forget(run);
}

/* Takes over what `record` holds. */
static int begin(struct lane *lane, struct call_store *store, struct call_record *record, uint64_t now_ms,
                 struct error *err)
{
    struct deliveries *all = lane->all;
    char request_id[REQUEST_ID_MAX];
    record->attempts++;
    delivery_request_id(record->id, record->attempts, request_id);
    if (call_store_begin_attempt(store, record->number, request_id, now_ms, err) < 0) {
        call_record_clear(record);
        return -1;
    }
    struct run *run = xcalloc(1, sizeof(*run));
    run->lane = lane;
    run->record = *record;
    run->step.done = on_begun;
    evtimer_assign(&run->again, all->env->base, on_again, run);
    HASH_ADD(hh, all->by_number, record.number, sizeof(run->record.number), run);
    LIST_INSERT_HEAD(&all->runs, run, link);
    lane->running++;
    turn_then(all->env->turn, &run->step);
    return 0;
}

static int give_up(struct lane *lane, struct call_store *store, struct call_record *record, uint64_t now_ms,
                   struct error *err)
{
    struct call_outcome outcome = {.status = record->status,
                                   .reason = "max-age",
                                   .message = "The call reached its max_age before its turn came.",
                                   .ended_ms = now_ms};
    int rc = call_end_waiting(lane->all->env, store, record, &outcome, err);
    if (rc == 0) {
        log_warning("call.dead", LOG_STR("call", record->id), LOG_STR("function", record->function),
                    LOG_INT("attempt", record->attempts), LOG_STR("reason", outcome.reason));
        call_count_add(lane->all->env->counts, CALL_COUNT_ENDED_DEAD, 1);
    }
    call_record_clear(record);
    return rc;
}

/* --- what is due --- */

/* 1: a call was begun or given up; 0: none is due; -1. */
static int take_next(struct lane *lane, const struct call_settings *settings, struct call_store *store,
                     uint64_t now_ms, struct error *err)
{
    struct call_record record = {0};
    uint64_t due_ms;
    int rc = call_store_next(store, lane->name, now_ms, &record, err);
    if (rc > 0 && retry_is_too_old(settings, record.since_ms, now_ms))
        return give_up(lane, store, &record, now_ms, err) < 0 ? -1 : 1;
    if (rc > 0)
        return begin(lane, store, &record, now_ms, err) < 0 ? -1 : 1;
    if (rc == 0 && (rc = call_store_next_due(store, lane->name, &due_ms, err)) == 0 && due_ms != UINT64_MAX)
        look_at(lane, due_ms, now_ms);
    return rc;
}

/* False: it is to be looked at again in the next turn. */
static bool fill_lane(struct lane *lane, unsigned *left)
{
    struct calls_env *env = lane->all->env;
    const struct call_plan_function *function = call_plan_find(env->plan, lane->name);
    struct call_store *store;
    struct error err;
    uint64_t now_ms = wall_clock_ms();
    while (function && lane->running < function->settings.concurrency) {
        if (now_ms < lane->held_until_ms) {
            look_at(lane, lane->held_until_ms, now_ms);
            break;
        }
        if (*left == 0)
            return false;
        int rc = turn_enter(env->turn, &store, &err);
        if (rc == 0)
            rc = take_next(lane, &function->settings, store, now_ms, &err);
        if (rc < 0) {
            turn_fail(env->turn, &err);
            note_refusal(lane->all, &err);
            look_at(lane, now_ms + AGAIN_MS, now_ms);
        }
        if (rc <= 0)
            break;
        --*left;
    }
    return true;
}

bool deliveries_are_left(const struct deliveries *all)
{
    return !all->stopped && all->env->plan && !TAILQ_EMPTY(&all->looking);
}

void deliveries_fill(struct deliveries *all)
{
    unsigned left = AT_ONCE_MAX;
    bool is_filled = true;
    while (is_filled && deliveries_are_left(all)) {
        struct lane *lane = TAILQ_FIRST(&all->looking);
        is_filled = fill_lane(lane, &left);
        TAILQ_REMOVE(&all->looking, lane, looking);
        lane->is_looking = false;
        if (!is_filled)
            look(lane);
    }
}

/* --- calls that are not to be done --- */

static void on_cancelled(struct turn_step *step, const struct error *failure)
{
    struct run *run = container_of(step, struct run, cancel_step);
    run->cancelled = false;
    if (failure && run->state == RUN_ENDED) {
        note_end(run);
    } else if (failure && run->state == RUN_UNDER_WAY) {
        return;
    } else {
        if (!failure)
            call_count_add(run->lane->all->env->counts, CALL_COUNT_ATTEMPTS_CANCELLED, 1);
        forget(run);
    }
}

int deliveries_cancel(struct deliveries *all, struct call_record *record, struct error *err)
{
    struct call_store *store;
    struct run *run;
    uint64_t now_ms = wall_clock_ms();
    const struct call_settings *settings = call_plan_settings(all->env->plan, record->function);
    if (turn_enter(all->env->turn, &store, err) < 0)
        return -1;
    int rc = call_store_cancel(store, record->number, now_ms, now_ms + call_end_keep_ms(settings), err);
    if (rc <= 0)
        return rc;
    turn_must_last(all->env->turn);
    record->state = CALL_CANCELLED;
    record->ended_ms = now_ms;
    call_count_add(all->env->counts, CALL_COUNT_ENDED_CANCELLED, 1);
    log_info("call.cancelled", LOG_STR("call", record->id), LOG_STR("function", record->function));
    HASH_FIND(hh, all->by_number, &record->number, sizeof(record->number), run);
    if (!run)
        return 1;
    run->cancelled = true;
    run->cancel_step.done = on_cancelled;
    turn_then(all->env->turn, &run->cancel_step);
    return 1;
}

/* --- all of it --- */

struct deliveries *deliveries_create(struct calls_env *env)
{
    struct deliveries *all = xcalloc(1, sizeof(*all));
    all->env = env;
    LIST_INIT(&all->lanes);
    LIST_INIT(&all->runs);
    TAILQ_INIT(&all->looking);
    return all;
}

void deliveries_stop(struct deliveries *all)
{
    all->stopped = true;
}

static void break_off(struct run *run)
{
    const struct delivery_result result = {.kind = ATTEMPT_NOT_MADE,
                                           .reason = "shutting-down",
                                           .message = "Berth was stopped meanwhile.",
                                           .ended_ms = wall_clock_ms()};
    delivery_destroy(run->delivery);
    run->delivery = NULL;
    on_ended(run, &result);
}

void deliveries_break_off(struct deliveries *all)
{
    struct run *run;
    LIST_FOREACH(run, &all->runs, link)
    {
        if (run->state == RUN_UNDER_WAY)
            break_off(run);
        else
            note_end(run);
    }
    turn_must_last(all->env->turn);
}

void deliveries_destroy(struct deliveries *all)
{
    struct lane *lane;
    struct run *run;
    if (!all)
        return;
    while ((run = LIST_FIRST(&all->runs)))
        forget(run);
    HASH_CLEAR(hh, all->by_name);
    while ((lane = LIST_FIRST(&all->lanes))) {
        LIST_REMOVE(lane, link);
        event_del(&lane->timer);
        free(lane);
    }
    free(all);
}
