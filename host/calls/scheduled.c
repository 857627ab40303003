#include "calls/scheduled.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/schedule.h"
#include "calls/scheduled_call.h"
#include "calls/turn_notes.h"

#include <stdlib.h>
#include <string.h>

void scheduled_digest(const struct function_schedule *schedule, char ret_digest[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update_text(hash, schedule->expression);
    hash_update_text(hash, schedule->time_zone);
    hash_finish(hash, ret_digest);
}

struct scheduled *scheduled_create(const char *function, const struct function_schedule *schedule)
{
    struct scheduled *scheduled = xcalloc(1, sizeof(*scheduled));
    scheduled->id = xasprintf("%s %s", function, schedule->name);
    scheduled->function = xstrdup(function);
    scheduled->name = xstrdup(schedule->name);
    scheduled_digest(schedule, scheduled->digest);
    scheduled->schedule = schedule;
    scheduled->zone = time_zone_open(schedule->time_zone);
    if (!scheduled->zone)
        log_warning("schedule.no-time-zone", LOG_STR("function", function),
                    LOG_STR("schedule", schedule->name), LOG_STR("time_zone", schedule->time_zone));
    return scheduled;
}

void scheduled_destroy(struct scheduled *scheduled)
{
    schedule_state_clear(&scheduled->state);
    time_zone_close(scheduled->zone);
    free(scheduled->id);
    free(scheduled->function);
    free(scheduled->name);
    free(scheduled);
}

struct schedule_key scheduled_key(const struct scheduled *scheduled)
{
    return (struct schedule_key){scheduled->function, scheduled->name, scheduled->digest};
}

bool scheduled_is_due(const struct scheduled *scheduled, uint64_t now_ms)
{
    const struct schedule_state *state = &scheduled->state;
    if (!scheduled->zone)
        return false;
    return !scheduled->is_known || now_ms >= scheduled->next_ms || state->waiting_count > 0 ||
           schedule_is_set_back(scheduled->schedule, state->decided_ms, now_ms);
}

static void find_next(struct scheduled *scheduled)
{
    if (!cron_next(&scheduled->schedule->cron, scheduled->zone, scheduled->state.decided_ms,
                   &scheduled->next_ms))
        scheduled->next_ms = UINT64_MAX;
}

static int learn(struct scheduled *scheduled, struct call_store *store, uint64_t now_ms, struct error *err)
{
    const struct schedule_key key = scheduled_key(scheduled);
    schedule_state_clear(&scheduled->state);
    if (schedule_store_note(store, &key, now_ms, err) < 0 ||
        schedule_store_read(store, &key, &scheduled->state, err) < 0)
        return -1;
    scheduled->is_known = true;
    return 0;
}

/* 1: the run before has not ended, and others wait for that; 0; -1. */
static int is_busy(const struct scheduled *scheduled, struct call_store *store, struct error *err)
{
    if (!schedule_is_serial(scheduled->schedule) || scheduled->state.last_number == 0)
        return 0;
    return schedule_store_is_busy(store, scheduled->state.last_number, err);
}

/* Makes the oldest time that waits a call. */
static int begin_run(struct scheduled *scheduled, const struct calls_env *env, struct call_store *store,
                     uint64_t now_ms, struct error *err)
{
    const struct schedule_key key = scheduled_key(scheduled);
    struct schedule_state *state = &scheduled->state;
    const struct scheduled_call run = {scheduled->function, scheduled->schedule, state->waiting[0], now_ms};
    int64_t number;
    if (scheduled_call_put(store, &run, &number, err) < 0 ||
        schedule_store_note_run(store, &key, run.planned_ms, number, err) < 0)
        return -1;
    state->last_number = number;
    memmove(state->waiting, state->waiting + 1, --state->waiting_count * sizeof(*state->waiting));
    turn_note_event(env->turn, LOG_DEBUG, LOG_TRAFFIC, "schedule.run",
                    LOG_FIELDS(LOG_STR("function", scheduled->function), LOG_STR("schedule", scheduled->name),
                               LOG_INT("call", number)));
    return 0;
}

/* Begins what need not wait; *busy says whether a run has not ended, before and after. */
static int begin_runs(struct scheduled *scheduled, const struct calls_env *env, struct call_store *store,
                      uint64_t now_ms, bool *busy, unsigned *begun, struct error *err)
{
    const bool is_serial = schedule_is_serial(scheduled->schedule);
    while (scheduled->state.waiting_count > 0 && !(is_serial && *busy) && calls_env_has_room(env)) {
        if (begin_run(scheduled, env, store, now_ms, err) < 0)
            return -1;
        *busy = true;
        ++*begun;
    }
    return 0;
}

static void note_skip(const struct scheduled *scheduled, const struct calls_env *env,
                      const struct schedule_skipped *skipped, enum log_purpose purpose)
{
    char first[RFC3339_SIZE];
    turn_note_event(env->turn, LOG_INFO, purpose, "schedule.skipped",
                    LOG_FIELDS(LOG_STR("function", scheduled->function), LOG_STR("schedule", scheduled->name),
                               LOG_STR("reason", skipped->reason),
                               LOG_STR("at", rfc3339_write(skipped->first_ms, first)),
                               LOG_INT("times", skipped->count)));
}

static int write_skips(const struct scheduled *scheduled, const struct calls_env *env,
                       const struct schedule_verdict *verdict, struct call_store *store, uint64_t now_ms,
                       struct error *err)
{
    const struct schedule_key key = scheduled_key(scheduled);
    for (int reason = 0; reason < SCHEDULE_SKIP_REASONS; reason++) {
        const struct schedule_skip *skip = &verdict->skips[reason];
        const struct schedule_skipped skipped = {.first_ms = skip->first_ms,
                                                 .last_ms = skip->last_ms,
                                                 .count = skip->count,
                                                 .skipped_ms = now_ms,
                                                 .reason = (char *)schedule_skip_slug(reason)};
        if (skip->count == 0)
            continue;
        if (schedule_store_note_skip(store, &key, &skipped, err) < 0)
            return -1;
        note_skip(scheduled, env, &skipped, reason == SKIP_MISSED ? LOG_CHANGE : LOG_TRAFFIC);
    }
    return 0;
}

static int write_verdict(struct scheduled *scheduled, const struct calls_env *env,
                         const struct schedule_verdict *verdict, struct call_store *store, uint64_t now_ms,
                         struct error *err)
{
    const struct schedule_key key = scheduled_key(scheduled);
    struct schedule_state *state = &scheduled->state;
    if (verdict->is_set_back)
        turn_note_event(
            env->turn, LOG_INFO, LOG_CHANGE, "schedule.clock-set-back",
            LOG_FIELDS(LOG_STR("function", scheduled->function), LOG_STR("schedule", scheduled->name)));
    for (size_t i = 0; i < verdict->run_count; i++) {
        state->waiting = xgrow(state->waiting, state->waiting_count, sizeof(*state->waiting));
        state->waiting[state->waiting_count++] = verdict->runs[i];
        if (schedule_store_add_waiting(store, &key, verdict->runs[i], err) < 0)
            return -1;
    }
    if (write_skips(scheduled, env, verdict, store, now_ms, err) < 0)
        return -1;
    state->decided_ms = verdict->decided_ms;
    return schedule_store_set_decided(store, &key, state->decided_ms, err);
}

int scheduled_look(struct scheduled *scheduled, const struct calls_env *env, struct call_store *store,
                   uint64_t now_ms, unsigned *ret_begun, struct error *err)
{
    struct schedule_verdict verdict;
    int rc = 0;
    scheduled->is_touched = true;
    *ret_begun = 0;
    if (!scheduled->is_known)
        rc = learn(scheduled, store, now_ms, err);
    if (rc == 0)
        rc = is_busy(scheduled, store, err);
    bool busy = rc > 0;
    if (rc < 0 || begin_runs(scheduled, env, store, now_ms, &busy, ret_begun, err) < 0)
        return -1;
    const struct schedule_case known = {.schedule = scheduled->schedule,
                                        .zone = scheduled->zone,
                                        .decided_ms = scheduled->state.decided_ms,
                                        .now_ms = now_ms,
                                        .waiting = scheduled->state.waiting_count,
                                        .is_busy = busy};
    schedule_decide(&known, &verdict);
    if (write_verdict(scheduled, env, &verdict, store, now_ms, err) < 0 ||
        begin_runs(scheduled, env, store, now_ms, &busy, ret_begun, err) < 0)
        return -1;
    find_next(scheduled);
    return 0;
}
