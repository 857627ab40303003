#include "calls/deliveries.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rfc3339.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/call_run.h"
#include "calls/lanes.h"
#include "calls/retry.h"
#include "calls/turn.h"
#include "calls/turn_notes.h"

#include <stdlib.h>

#define AT_ONCE_MAX 256 /* calls of all functions that one turn begins or gives up */

struct deliveries {
    struct calls_env *env;
    struct lanes lanes;
    struct call_runs runs;
    bool is_paused;
};

void deliveries_look(struct deliveries *deliveries, const char *function)
{
    lane_look(lanes_find(&deliveries->lanes, function));
}

void deliveries_look_all(struct deliveries *deliveries)
{
    struct lane *lane;
    LIST_FOREACH(lane, &deliveries->lanes.list, link)
    {
        lane_look(lane);
    }
}

void deliveries_plan_changed(struct deliveries *deliveries)
{
    const struct call_plan *plan = deliveries->env->plan;
    for (size_t i = 0; i < call_plan_count(plan); i++)
        deliveries_look(deliveries, call_plan_at(plan, i)->name);
}

/* --- what is due --- */

static int give_up(struct lane *lane, struct call_store *store, struct call_record *record, uint64_t now_ms,
                   struct error *err)
{
    struct call_outcome outcome = {.status = record->status,
                                   .reason = "max-age",
                                   .message = "The call reached its max_age before its turn came.",
                                   .ended_ms = now_ms};
    int rc = call_end_waiting(lane->all->env, store, record, &outcome, err);
    call_record_clear(record);
    return rc;
}

/* 1: a call was begun or given up; 0: none is due; -1. */
static int take_next(struct deliveries *deliveries, struct lane *lane, struct call_store *store,
                     uint64_t now_ms, struct error *err)
{
    const struct call_plan *plan = deliveries->env->plan;
    const struct call_settings *settings = call_plan_settings(plan, lane->name);
    struct call_record record = {0};
    uint64_t due_ms, longest_ms = call_plan_longest_wait_ms(plan, lane->name);
    int rc = call_store_next(store, lane->name, now_ms, longest_ms, &record, err);
    if (rc > 0 && call_runs_have(&deliveries->runs, record.number)) {
        call_record_clear(&record);
        return 0; /* the lane is looked at again with its end */
    }
    if (rc > 0 && retry_is_too_old(settings, record.since_ms, now_ms))
        return give_up(lane, store, &record, now_ms, err) < 0 ? -1 : 1;
    if (rc > 0)
        return call_run_begin(&deliveries->runs, lane, store, &record, now_ms, err) < 0 ? -1 : 1;
    if (rc == 0 && (rc = call_store_next_due(store, lane->name, &due_ms, err)) == 0 && due_ms != UINT64_MAX)
        lane_look_at(lane, due_ms, now_ms);
    return rc;
}

/* False: it is to be looked at again in the next turn. */
static bool fill_lane(struct deliveries *deliveries, struct lane *lane, unsigned *left)
{
    struct calls_env *env = deliveries->env;
    const struct call_plan_function *function = call_plan_find(env->plan, lane->name);
    struct call_store *store;
    struct error err;
    uint64_t now_ms = wall_clock_ms(), held_ms = lane_held_ms(lane, clock_ms());
    while (function && lane->running < function->settings.concurrency) {
        if (held_ms > 0) {
            lane_look_at(lane, now_ms + held_ms, now_ms);
            break;
        }
        if (*left == 0)
            return false;
        int rc = turn_enter(env->turn, &store, &err);
        if (rc == 0)
            rc = take_next(deliveries, lane, store, now_ms, &err);
        if (rc < 0) {
            turn_fail(env->turn, &err);
            lanes_note_refusal(lane->all, &err);
            lane_look_at(lane, now_ms + CALL_AGAIN_MS, now_ms);
        }
        if (rc <= 0)
            break;
        --*left;
    }
    return true;
}

bool deliveries_are_left(const struct deliveries *deliveries)
{
    return !deliveries->runs.is_stopping && !deliveries->is_paused && deliveries->env->plan &&
           !TAILQ_EMPTY(&deliveries->lanes.looking);
}

/* A function with more than its part of the turn waits behind the others. */
void deliveries_fill(struct deliveries *deliveries)
{
    unsigned left = AT_ONCE_MAX;
    bool is_filled = true;
    while (is_filled && deliveries_are_left(deliveries)) {
        struct lane *lane = lanes_take(&deliveries->lanes);
        is_filled = fill_lane(deliveries, lane, &left);
        if (!is_filled)
            lane_look(lane);
    }
}

int deliveries_cancel(struct deliveries *deliveries, struct call_record *record, struct error *err)
{
    struct calls_env *env = deliveries->env;
    struct call_store *store;
    uint64_t now_ms = wall_clock_ms();
    uint64_t expires_ms = now_ms + call_end_keep_ms(call_plan_settings(env->plan, record->function));
    if (turn_enter(env->turn, &store, err) < 0)
        return -1;
    int rc = call_store_cancel(store, record->number, now_ms, expires_ms, err);
    if (rc <= 0)
        return rc;
    turn_must_last(env->turn);
    record->state = CALL_CANCELLED;
    record->ended_ms = now_ms;
    turn_note_count(env->turn, env->counts, CALL_COUNT_ENDED_CANCELLED, 1);
    turn_note_event(env->turn, LOG_INFO, LOG_CHANGE, "call.cancelled",
                    LOG_FIELDS(LOG_STR("call", record->id), LOG_STR("function", record->function)));
    call_runs_cancel(&deliveries->runs, record->number);
    return 1;
}

/* --- beginning and end --- */

struct deliveries *deliveries_create(struct calls_env *env)
{
    struct deliveries *deliveries = xcalloc(1, sizeof(*deliveries));
    deliveries->env = env;
    lanes_init(&deliveries->lanes, env);
    return deliveries;
}

void deliveries_pause(struct deliveries *deliveries, bool is_paused)
{
    deliveries->is_paused = is_paused;
    deliveries_look_all(deliveries);
}

bool deliveries_are_at_rest(const struct deliveries *deliveries)
{
    return deliveries->is_paused && LIST_EMPTY(&deliveries->runs.list);
}

void deliveries_stop(struct deliveries *deliveries)
{
    deliveries->runs.is_stopping = true;
}

void deliveries_break_off(struct deliveries *deliveries)
{
    call_runs_break_off(&deliveries->runs);
    turn_must_last(deliveries->env->turn);
}

void deliveries_destroy(struct deliveries *deliveries)
{
    if (!deliveries)
        return;
    call_runs_clear(&deliveries->runs);
    lanes_clear(&deliveries->lanes);
    free(deliveries);
}
