/*
 * What becomes of the times of a schedule: which of them are runs, which are skipped, and why. The clock is
 * passed in.
 *
 * A time is on time for some seconds, and the newest one for a minute, so that a restart loses nothing; what
 * is later was missed, and `catch_up` says what becomes of it. `overlap` says what becomes of a time while
 * the run before has not ended; times that are to run one after the other wait, up to SCHEDULE_WAITING_MAX of
 * them.
 */
#ifndef CALLS_SCHEDULE_H
#define CALLS_SCHEDULE_H

#include "config/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_WAITING_MAX 100

enum schedule_skip_reason {
    SKIP_MISSED, /* the daemon did not run then, or the clock was set forward past it */
    SKIP_OVERLAP, /* the run before had not ended */
    SKIP_FULL, /* as many wait as may */
};

#define SCHEDULE_SKIP_REASONS 3

/* "missed", "overlap", "full". */
const char *schedule_skip_slug(enum schedule_skip_reason reason);

/* Times of one look that were skipped for the same reason. */
struct schedule_skip {
    uint64_t first_ms, last_ms;
    unsigned
        count; /* 0: there are none; of those before the window of `catch_up` some thousands are counted */
};

/* What is known of a schedule when it is looked at. Times are milliseconds since 1970. */
struct schedule_case {
    const struct function_schedule *schedule;
    const struct time_zone *zone;
    uint64_t decided_ms; /* what has become of all times up to this is known */
    uint64_t now_ms;
    size_t waiting; /* times that wait for the end of a run */
    bool is_busy; /* the run before has not ended */
};

struct schedule_verdict {
    uint64_t
        runs[SCHEDULE_WAITING_MAX]; /* in their order; the first may begin unless `is_busy` or one waits */
    size_t run_count;
    struct schedule_skip skips[SCHEDULE_SKIP_REASONS];
    uint64_t decided_ms; /* from now on */
    bool is_set_back; /* the clock was: times that lie ahead again are times again */
};

void schedule_decide(const struct schedule_case *known, struct schedule_verdict *ret_verdict);

/* Whether a clock that shows `now_ms` has been set back so far that what is decided does not hold: a schedule
 * without times of its own goes on soon, one that has them does not run at them twice. */
bool schedule_is_set_back(const struct function_schedule *schedule, uint64_t decided_ms, uint64_t now_ms);

/* Whether runs of this schedule wait for the end of the one before. */
bool schedule_is_serial(const struct function_schedule *schedule);

#endif
