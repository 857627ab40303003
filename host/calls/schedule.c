#include "calls/schedule.h"

#include <string.h>

#define ON_TIME_MS     5000 /* a daemon that is busy is not away */
#define NEWEST_LATE_MS 60000 /* nor is one that is restarted */
#define SET_BACK_MS    60000 /* a clock that goes back by more than this has been set */
#define WRONG_MS       (3 * 3600 * 1000u) /* and by more than this was wrong before */
#define COUNTED_MAX    5000 /* times before those that could still run */

const char *schedule_skip_slug(enum schedule_skip_reason reason)
{
    static const char *const slugs[SCHEDULE_SKIP_REASONS] = {"missed", "overlap", "full"};
    return slugs[reason];
}

bool schedule_is_serial(const struct function_schedule *schedule)
{
    return schedule->overlap != OVERLAP_ALLOW;
}

static bool next(const struct schedule_case *known, uint64_t after_ms, uint64_t *ret_ms)
{
    return cron_next(&known->schedule->cron, known->zone, after_ms, ret_ms) && *ret_ms <= known->now_ms;
}

static void skip(struct schedule_verdict *verdict, enum schedule_skip_reason reason, uint64_t planned_ms)
{
    struct schedule_skip *skip = &verdict->skips[reason];
    if (skip->count++ == 0)
        skip->first_ms = planned_ms;
    skip->last_ms = planned_ms;
}

static bool has_room(const struct schedule_case *known, const struct schedule_verdict *verdict)
{
    return known->waiting + verdict->run_count < SCHEDULE_WAITING_MAX;
}

static void run_or_skip(const struct schedule_case *known, struct schedule_verdict *verdict,
                        uint64_t planned_ms)
{
    if (has_room(known, verdict))
        verdict->runs[verdict->run_count++] = planned_ms;
    else
        skip(verdict, SKIP_FULL, planned_ms);
}

/* The newest go before those that are made up for with them. */
static void run_newest(const struct schedule_case *known, struct schedule_verdict *verdict,
                       uint64_t planned_ms)
{
    if (!has_room(known, verdict) && verdict->run_count > 0) {
        skip(verdict, SKIP_FULL, verdict->runs[0]);
        memmove(verdict->runs, verdict->runs + 1, --verdict->run_count * sizeof(*verdict->runs));
    }
    run_or_skip(known, verdict, planned_ms);
}

/* `last_ms` is the newest time that was missed and could be made up for, if that is all that shall be; 0:
 * none. */
static void take_missed(const struct schedule_case *known, struct schedule_verdict *verdict,
                        uint64_t planned_ms, uint64_t *last_ms)
{
    const struct function_schedule *schedule = known->schedule;
    if (schedule->catch_up == CATCH_UP_NONE || known->now_ms - planned_ms > schedule->catch_up_window_ms) {
        skip(verdict, SKIP_MISSED, planned_ms);
    } else if (schedule->catch_up == CATCH_UP_ALL) {
        run_newest(known, verdict, planned_ms);
    } else {
        if (*last_ms > 0)
            skip(verdict, SKIP_MISSED, *last_ms);
        *last_ms = planned_ms;
    }
}

/* Whether the run before keeps it from running: those that are made up for with it do not. */
static bool is_overlapping(const struct schedule_case *known, const struct schedule_verdict *verdict)
{
    const struct function_schedule *schedule = known->schedule;
    const bool is_made_up = schedule->catch_up == CATCH_UP_ALL && verdict->run_count > 0;
    const bool is_busy = known->is_busy || known->waiting + verdict->run_count > 0;
    return schedule->overlap == OVERLAP_SKIP && is_busy && !is_made_up;
}

static void take_on_time(const struct schedule_case *known, struct schedule_verdict *verdict,
                         uint64_t planned_ms, uint64_t *last_ms)
{
    if (*last_ms > 0)
        skip(verdict, SKIP_MISSED, *last_ms); /* this one is newer */
    *last_ms = 0;
    if (is_overlapping(known, verdict))
        skip(verdict, SKIP_OVERLAP, planned_ms);
    else
        run_newest(known, verdict, planned_ms);
}

/* From where on times are looked at one by one: nothing becomes of those before. */
static uint64_t count_old(const struct schedule_case *known, struct schedule_verdict *verdict)
{
    const unsigned window_ms =
        known->schedule->catch_up == CATCH_UP_NONE ? NEWEST_LATE_MS : known->schedule->catch_up_window_ms;
    const uint64_t far_ms = window_ms > NEWEST_LATE_MS ? window_ms : NEWEST_LATE_MS;
    const uint64_t begin_ms = known->now_ms > far_ms ? known->now_ms - far_ms : 0;
    uint64_t at_ms = known->decided_ms, planned_ms;
    while (at_ms < begin_ms && verdict->skips[SKIP_MISSED].count < COUNTED_MAX &&
           next(known, at_ms, &planned_ms) && planned_ms < begin_ms) {
        skip(verdict, SKIP_MISSED, planned_ms);
        at_ms = planned_ms;
    }
    return known->decided_ms >= begin_ms ? known->decided_ms : begin_ms - 1;
}

static bool is_on_time(const struct schedule_case *known, uint64_t planned_ms, bool is_newest)
{
    const uint64_t late_ms = known->now_ms - planned_ms;
    const bool may_be_late = is_newest && known->schedule->catch_up != CATCH_UP_ALL;
    return late_ms <= (may_be_late ? NEWEST_LATE_MS : ON_TIME_MS);
}

static void decide(const struct schedule_case *known, struct schedule_verdict *verdict)
{
    uint64_t planned_ms, following_ms, last_ms = 0;
    bool more = next(known, count_old(known, verdict), &planned_ms);
    for (; more; planned_ms = following_ms) {
        more = next(known, planned_ms, &following_ms);
        if (is_on_time(known, planned_ms, !more))
            take_on_time(known, verdict, planned_ms, &last_ms);
        else
            take_missed(known, verdict, planned_ms, &last_ms);
    }
    if (last_ms > 0)
        run_or_skip(known, verdict, last_ms);
}

bool schedule_is_set_back(const struct function_schedule *schedule, uint64_t decided_ms, uint64_t now_ms)
{
    const bool repeats = schedule->cron.goes_round || schedule->cron.every_ms > 0;
    return decided_ms > now_ms + (repeats ? SET_BACK_MS : WRONG_MS);
}

void schedule_decide(const struct schedule_case *known, struct schedule_verdict *ret_verdict)
{
    *ret_verdict = (struct schedule_verdict){.decided_ms = known->decided_ms};
    ret_verdict->is_set_back = schedule_is_set_back(known->schedule, known->decided_ms, known->now_ms);
    if (known->now_ms > known->decided_ms)
        decide(known, ret_verdict);
    if (known->now_ms > known->decided_ms || ret_verdict->is_set_back)
        ret_verdict->decided_ms = known->now_ms;
}
