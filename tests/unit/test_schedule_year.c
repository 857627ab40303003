/* Schedules over a year with both changes of the clocks, restarts and outages: what runs and what is skipped
 * is compared with what the C library says of every minute of that year. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "calls/schedule.h"
#include "config/function_schedules.h"
#include "config/schedule_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MINUTE_MS   60000ull
#define HOUR_MS     (60 * MINUTE_MS)
#define YEAR_BEGINS 1767225600000ull /* 2026-01-01T00:00:00Z */
#define YEAR_ENDS   1798761600000ull

static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC",
                                    "Asia/Kolkata"};

#define ZONE_COUNT (sizeof(zones) / sizeof(zones[0]))

/* --- a year of a schedule --- */

struct times {
    uint64_t *items;
    size_t count;
};

static void add_time(struct times *times, uint64_t ms)
{
    times->items = xgrow(times->items, times->count, sizeof(*times->items));
    times->items[times->count++] = ms;
}

static bool has_time(const struct times *times, uint64_t ms)
{
    for (size_t i = 0; i < times->count; i++) {
        if (times->items[i] == ms)
            return true;
    }
    return false;
}

static void clear_times(struct times *times)
{
    free(times->items);
    *times = (struct times){0};
}

/* The daemon is not there from one time to another. */
struct outage {
    uint64_t from_ms, to_ms;
};

/* What a daemon would do, with a clock that goes from one time of the schedule to the next. */
struct play {
    struct function_schedule schedule;
    struct time_zone *zone;
    uint64_t takes_ms; /* each run */
    uint64_t now_ms, decided_ms;
    uint64_t waiting[SCHEDULE_WAITING_MAX];
    size_t waiting_count;
    uint64_t ends_ms; /* when the last run has ended */
    struct times planned, begun; /* of each run: its time, and when it began */
    unsigned skipped[SCHEDULE_SKIP_REASONS];
};

static void play_init(struct play *play, const char *expression, const char *zone)
{
    struct cron_problem problem;
    *play = (struct play){.now_ms = YEAR_BEGINS, .decided_ms = YEAR_BEGINS};
    setting_defaults(&schedule_table, &play->schedule);
    play->schedule.expression = xstrdup(expression);
    play->schedule.name = xstrdup(expression);
    if (cron_parse(expression, &play->schedule.cron, &problem) < 0)
        fail_msg("%s: %s", expression, problem.message);
    play->zone = time_zone_open(zone);
    assert_non_null(play->zone);
}

static void play_clear(struct play *play)
{
    setting_clear(&schedule_table, &play->schedule);
    time_zone_close(play->zone);
    clear_times(&play->planned);
    clear_times(&play->begun);
}

static void begin_runs(struct play *play)
{
    while (play->waiting_count > 0 &&
           (!schedule_is_serial(&play->schedule) || play->now_ms >= play->ends_ms)) {
        add_time(&play->planned, play->waiting[0]);
        add_time(&play->begun, play->now_ms);
        memmove(play->waiting, play->waiting + 1, --play->waiting_count * sizeof(*play->waiting));
        play->ends_ms = play->now_ms + play->takes_ms;
    }
}

static void look(struct play *play)
{
    struct schedule_verdict verdict;
    const struct schedule_case known = {.schedule = &play->schedule,
                                        .zone = play->zone,
                                        .decided_ms = play->decided_ms,
                                        .now_ms = play->now_ms,
                                        .waiting = play->waiting_count,
                                        .is_busy = play->now_ms < play->ends_ms};
    begin_runs(play);
    schedule_decide(&known, &verdict);
    for (size_t i = 0; i < verdict.run_count; i++)
        play->waiting[play->waiting_count++] = verdict.runs[i];
    for (size_t i = 0; i < SCHEDULE_SKIP_REASONS; i++)
        play->skipped[i] += verdict.skips[i].count;
    play->decided_ms = verdict.decided_ms;
    begin_runs(play);
}

/* The next time at which there is something to do. */
static uint64_t next_look(const struct play *play)
{
    uint64_t next_ms = UINT64_MAX;
    const uint64_t after_ms = play->decided_ms > play->now_ms ? play->decided_ms : play->now_ms;
    cron_next(&play->schedule.cron, play->zone, after_ms, &next_ms);
    return play->waiting_count > 0 && play->ends_ms < next_ms ? play->ends_ms : next_ms;
}

/* A busy daemon looks some hundred milliseconds late. */
static void play_until(struct play *play, uint64_t to_ms, const struct outage *outages, size_t outage_count)
{
    unsigned late_ms = 0;
    for (uint64_t at_ms; (at_ms = next_look(play)) < to_ms;) {
        late_ms = (late_ms + 137) % 900;
        play->now_ms = at_ms + late_ms;
        for (size_t i = 0; i < outage_count; i++) {
            if (play->now_ms >= outages[i].from_ms && play->now_ms < outages[i].to_ms)
                play->now_ms = outages[i].to_ms;
        }
        look(play);
    }
}

static void play_year(struct play *play)
{
    play_until(play, YEAR_ENDS, NULL, 0);
}

/* --- what the C library says --- */

static void enter_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static struct tm wall_at(uint64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    return tm;
}

/* All minutes of the year at which the wall shows what `shows` wants. */
static void scan_round(const char *zone, bool (*shows)(const struct tm *wall), struct times *ret_times)
{
    enter_zone(zone);
    for (uint64_t ms = YEAR_BEGINS + MINUTE_MS; ms < YEAR_ENDS; ms += MINUTE_MS) {
        struct tm wall = wall_at(ms);
        if (shows(&wall))
            add_time(ret_times, ms);
    }
}

static int minute_of_day(const struct tm *wall)
{
    return wall->tm_hour * 60 + wall->tm_min;
}

/* Of each day the first minute at which the wall shows this time or, when it goes past it, a later one. */
static void scan_own(const char *zone, int minute, struct times *ret_times)
{
    enter_zone(zone);
    struct tm before = wall_at(YEAR_BEGINS);
    int done_day = minute_of_day(&before) >= minute ? before.tm_yday + before.tm_year * 366 : -1;
    for (uint64_t ms = YEAR_BEGINS + MINUTE_MS; ms < YEAR_ENDS; ms += MINUTE_MS) {
        struct tm wall = wall_at(ms);
        int day = wall.tm_yday + wall.tm_year * 366;
        if (minute_of_day(&wall) < minute || day == done_day)
            continue;
        add_time(ret_times, ms);
        done_day = day;
    }
}

static void assert_same(const struct times *found, const struct times *expected, const char *what,
                        const char *zone)
{
    for (size_t i = 0; i < found->count && i < expected->count; i++) {
        char one[RFC3339_SIZE], other[RFC3339_SIZE];
        if (found->items[i] != expected->items[i])
            fail_msg("%s in %s, run %zu: %s and not %s", what, zone, i, rfc3339_write(found->items[i], one),
                     rfc3339_write(expected->items[i], other));
    }
    assert_int_equal(found->count, expected->count);
}

/* --- the clocks --- */

static bool every_quarter(const struct tm *wall)
{
    return wall->tm_min % 15 == 0;
}

static bool thrice_at_night(const struct tm *wall)
{
    return wall->tm_min % 20 == 0 && wall->tm_hour >= 1 && wall->tm_hour <= 3;
}

static bool every_second_hour(const struct tm *wall)
{
    return wall->tm_min == 10 && wall->tm_hour % 2 == 0;
}

static bool on_workdays(const struct tm *wall)
{
    return wall->tm_min % 30 == 0 && wall->tm_wday >= 1 && wall->tm_wday <= 5;
}

static void test_what_goes_round(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool (*shows)(const struct tm *wall);
    } cases[] = {{"*/15 * * * *", every_quarter},
                 {"*/20 1-3 * * *", thrice_at_night},
                 {"10 */2 * * *", every_second_hour},
                 {"*/30 * * * mon-fri", on_workdays}};
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++) {
            struct times expected = {0};
            struct play play;
            play_init(&play, cases[j].expression, zones[i]);
            play_year(&play);
            scan_round(zones[i], cases[j].shows, &expected);
            assert_same(&play.planned, &expected, cases[j].expression, zones[i]);
            assert_int_equal(play.skipped[SKIP_MISSED], 0);
            clear_times(&expected);
            play_clear(&play);
        }
    }
}

static void test_times_of_the_day(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        int minute;
    } cases[] = {
        {"30 2 * * *", 150}, {"45 1 * * *", 105}, {"15 2 * * *", 135}, {"0 3 * * *", 180}, {"@daily", 0}};
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++) {
            struct times expected = {0};
            struct play play;
            play_init(&play, cases[j].expression, zones[i]);
            play_year(&play);
            scan_own(zones[i], cases[j].minute, &expected);
            assert_same(&play.planned, &expected, cases[j].expression, zones[i]);
            assert_in_range(expected.count, 364, 366);
            clear_times(&expected);
            play_clear(&play);
        }
    }
}

/* --- restarts and outages --- */

/* 90 of them, from 20 seconds to five hours long, two over the changes of the clocks in Berlin. */
static size_t make_outages(struct outage outages[90])
{
    for (size_t i = 0; i < 90; i++) {
        outages[i].from_ms = YEAR_BEGINS + (i * 97 + 5) * HOUR_MS - i * 7 * 1000 - 10 * 1000;
        outages[i].to_ms = outages[i].from_ms + (i % 3 == 0 ? 20 * 1000 : i % 5 * HOUR_MS + i * MINUTE_MS);
    }
    outages[21] = (struct outage){1774744200000ull, 1774749600000ull}; /* 29 March, 00:30 to 02:00 */
    outages[73] = (struct outage){1792888200000ull, 1792893600000ull}; /* 25 October, the same */
    return 90;
}

static const struct outage *outage_at(const struct outage *outages, size_t count, uint64_t ms)
{
    for (size_t i = 0; i < count; i++) {
        if (ms >= outages[i].from_ms && ms < outages[i].to_ms)
            return &outages[i];
    }
    return NULL;
}

/* Whether a time that fell into an outage is one that a restart does not lose: the newest one, a minute ago
 * at most, or of the last five seconds. */
static bool is_on_time(const struct times *all, size_t i, const struct outage *outage)
{
    const uint64_t late_ms = outage->to_ms - all->items[i];
    const bool is_newest = i + 1 == all->count || all->items[i + 1] > outage->to_ms;
    return late_ms <= 5000 || (is_newest && late_ms <= MINUTE_MS);
}

/* What should run of all times. */
static void expect_runs(const struct times *all, enum schedule_catch_up catch_up,
                        const struct outage *outages, size_t count, struct times *ret_runs)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct outage *outage = outage_at(outages, count, all->items[i]);
        const bool is_newest = outage && (i + 1 == all->count || all->items[i + 1] > outage->to_ms);
        const bool is_in_window = outage && outage->to_ms - all->items[i] <= HOUR_MS;
        const bool is_made_up =
            is_in_window && (catch_up == CATCH_UP_ALL || (catch_up == CATCH_UP_LAST && is_newest));
        if (!outage || is_on_time(all, i, outage) || is_made_up)
            add_time(ret_runs, all->items[i]);
    }
}

static void play_outages(const char *expression, const char *zone, enum schedule_catch_up catch_up,
                         bool (*shows)(const struct tm *wall))
{
    struct outage outages[90];
    struct times all = {0}, expected = {0};
    struct play play;
    const size_t count = make_outages(outages);
    play_init(&play, expression, zone);
    play.schedule.catch_up = catch_up;
    play.schedule.overlap = OVERLAP_QUEUE;
    play_until(&play, YEAR_ENDS, outages, count);
    scan_round(zone, shows, &all);
    expect_runs(&all, catch_up, outages, count, &expected);
    assert_same(&play.planned, &expected, expression, zone);
    assert_true(play.skipped[SKIP_MISSED] > 0);
    assert_int_equal(play.skipped[SKIP_MISSED] + play.planned.count, all.count);
    clear_times(&all);
    clear_times(&expected);
    play_clear(&play);
}

static void test_outages(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (enum schedule_catch_up catch_up = CATCH_UP_NONE; catch_up <= CATCH_UP_ALL; catch_up++) {
            play_outages("*/15 * * * *", zones[i], catch_up, every_quarter);
            play_outages("*/20 1-3 * * *", zones[i], catch_up, thrice_at_night);
        }
    }
}

/* One that is down while the clocks are changed makes up for the time that they went past. */
static void test_an_outage_over_a_change(void **state)
{
    (void)state;
    const struct outage outage = {1774744200000ull, 1774748100000ull}; /* 29 March, 00:30 to 01:35 */
    for (enum schedule_catch_up catch_up = CATCH_UP_NONE; catch_up <= CATCH_UP_ALL; catch_up++) {
        struct play play;
        play_init(&play, "30 2 * * *", "Europe/Berlin");
        play.schedule.catch_up = catch_up;
        play_until(&play, YEAR_ENDS, &outage, 1);
        assert_int_equal(play.planned.count, catch_up == CATCH_UP_NONE ? 364 : 365);
        assert_int_equal(has_time(&play.planned, 1774746000000ull), catch_up != CATCH_UP_NONE); /* 01:00 */
        assert_int_equal(play.skipped[SKIP_MISSED], catch_up == CATCH_UP_NONE);
        play_clear(&play);
    }
}

/* Of what lies far behind some thousand times are counted. */
static void test_half_a_year_away(void **state)
{
    (void)state;
    static const struct {
        enum schedule_catch_up catch_up;
        size_t runs;
        unsigned missed, full;
    } cases[] = {{CATCH_UP_NONE, 5, 5055, 0}, {CATCH_UP_LAST, 5, 8595, 0}, {CATCH_UP_ALL, 100, 5000, 3500}};
    for (size_t i = 0; i < 3; i++) {
        struct play play;
        play_init(&play, "* * * * * *", "Europe/Berlin");
        play.schedule.catch_up = cases[i].catch_up;
        play.schedule.overlap = OVERLAP_ALLOW;
        play.now_ms = YEAR_BEGINS + 183 * 24 * HOUR_MS + 500;
        look(&play);
        assert_int_equal(play.planned.count, cases[i].runs);
        assert_int_equal(play.planned.items[cases[i].runs - 1], play.now_ms - 500);
        assert_int_equal(play.skipped[SKIP_MISSED], cases[i].missed);
        assert_int_equal(play.skipped[SKIP_FULL], cases[i].full);
        play_clear(&play);
    }
}

/* --- overlap --- */

static void play_slow(enum schedule_overlap overlap, uint64_t takes_ms, struct play *play)
{
    play_init(play, "* * * * *", "UTC");
    play->schedule.overlap = overlap;
    play->takes_ms = takes_ms;
    play_until(play, YEAR_BEGINS + 24 * HOUR_MS, NULL, 0);
}

static void test_runs_that_take_longer_than_a_period(void **state)
{
    (void)state;
    struct play play;
    play_slow(OVERLAP_SKIP, 150 * 1000, &play);
    assert_int_equal(play.planned.count, 480); /* every third */
    assert_int_equal(play.skipped[SKIP_OVERLAP], 959);
    play_clear(&play);
    play_slow(OVERLAP_ALLOW, 150 * 1000, &play);
    assert_int_equal(play.planned.count, 1439);
    play_clear(&play);
    play_slow(OVERLAP_QUEUE, 150 * 1000, &play);
    assert_in_range(play.planned.count, 574, 576); /* one after the other */
    assert_int_equal(play.planned.count + play.waiting_count + play.skipped[SKIP_FULL], 1439);
    assert_int_equal(play.waiting_count, SCHEDULE_WAITING_MAX);
    for (size_t i = 1; i < play.begun.count; i++)
        assert_true(play.begun.items[i] >= play.begun.items[i - 1] + 150 * 1000);
    play_clear(&play);
}

/* --- clocks that are set --- */

static void test_a_clock_that_goes_back_a_little(void **state)
{
    (void)state;
    static const char *const expressions[] = {"* * * * *", "@every 60s", "5 0 * * *"};
    for (size_t i = 0; i < 3; i++) {
        struct play play;
        play_init(&play, expressions[i], "UTC");
        play.now_ms = YEAR_BEGINS + 5 * MINUTE_MS + 3;
        play.decided_ms = YEAR_BEGINS + 4 * MINUTE_MS;
        look(&play);
        play.now_ms -= 2000;
        look(&play);
        play.now_ms += 2000;
        look(&play);
        assert_int_equal(play.planned.count, 1);
        play_clear(&play);
    }
}

static void test_a_clock_that_is_set_back(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        uint64_t by_ms;
        size_t runs; /* in the 25 hours after the second midnight, with what came before it */
    } cases[] = {
        {"0 * * * *", 2 * HOUR_MS, 24 + 27}, /* goes on at once */
        {"@every 1h", 2 * HOUR_MS, 24 + 27},
        {"30 23 * * *", 2 * HOUR_MS, 1 + 1}, /* does not run twice */
        {"30 23 * * *", 8784 * HOUR_MS, 1 + 1}, /* the clock was wrong before */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct play play;
        play_init(&play, cases[i].expression, "UTC");
        play_until(&play, YEAR_BEGINS + 24 * HOUR_MS + 1, NULL, 0);
        play.now_ms = YEAR_BEGINS + 24 * HOUR_MS + 2 - cases[i].by_ms;
        play.ends_ms = 0;
        look(&play);
        const uint64_t to_ms = play.now_ms + 27 * HOUR_MS;
        play_until(&play, to_ms, NULL, 0);
        if (play.planned.count != cases[i].runs)
            fail_msg("%s: %zu", cases[i].expression, play.planned.count);
        assert_int_equal(play.skipped[SKIP_MISSED], 0);
        play_clear(&play);
    }
}

static void test_a_clock_that_is_set_forward(void **state)
{
    (void)state;
    struct play play;
    play_init(&play, "0 * * * *", "UTC");
    play.now_ms += 10 * HOUR_MS + 5 * MINUTE_MS;
    look(&play);
    assert_int_equal(play.planned.count, 0);
    assert_int_equal(play.skipped[SKIP_MISSED], 10);
    play_clear(&play);
}

/* --- jitter --- */

static void test_jitter(void **state)
{
    (void)state;
    struct play play;
    uint64_t sum_ms = 0, largest_ms = 0;
    play_init(&play, "@hourly", "UTC");
    assert_int_equal(schedule_delay_ms("f", &play.schedule, YEAR_BEGINS), 0);
    play.schedule.jitter_ms = 10000;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t delay_ms = schedule_delay_ms("f", &play.schedule, YEAR_BEGINS + i * HOUR_MS);
        assert_int_equal(delay_ms, schedule_delay_ms("f", &play.schedule, YEAR_BEGINS + i * HOUR_MS));
        assert_true(delay_ms < 10000);
        sum_ms += delay_ms;
        largest_ms = delay_ms > largest_ms ? delay_ms : largest_ms;
    }
    assert_in_range(sum_ms / 1000, 4500, 5500);
    assert_true(largest_ms > 9900);
    assert_int_not_equal(schedule_delay_ms("f", &play.schedule, YEAR_BEGINS),
                         schedule_delay_ms("g", &play.schedule, YEAR_BEGINS));
    play_clear(&play);
}

/* A run that is put off is still to come when its time has passed. */
static void test_next_run(void **state)
{
    (void)state;
    struct play play;
    play_init(&play, "@hourly", "UTC");
    assert_true(schedule_next_run("f", &play.schedule, YEAR_BEGINS) == YEAR_BEGINS);
    assert_true(schedule_next_run("f", &play.schedule, YEAR_BEGINS + 1) == YEAR_BEGINS + HOUR_MS);
    play.schedule.jitter_ms = 10 * MINUTE_MS;
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t planned_ms = YEAR_BEGINS + i * HOUR_MS;
        const uint64_t run_ms = planned_ms + schedule_delay_ms("f", &play.schedule, planned_ms);
        assert_true(schedule_next_run("f", &play.schedule, planned_ms) == run_ms);
        assert_true(schedule_next_run("f", &play.schedule, run_ms) == run_ms);
        assert_true(schedule_next_run("f", &play.schedule, run_ms + 1) > planned_ms + HOUR_MS - 1);
    }
    play_clear(&play);
}

static void test_a_schedule_that_never_runs_again(void **state)
{
    (void)state;
    struct function_schedule schedule = {.name = "none", .time_zone = "No/Where"};
    assert_true(schedule_next_run("f", &schedule, YEAR_BEGINS) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_round),
        cmocka_unit_test(test_times_of_the_day),
        cmocka_unit_test(test_outages),
        cmocka_unit_test(test_an_outage_over_a_change),
        cmocka_unit_test(test_half_a_year_away),
        cmocka_unit_test(test_runs_that_take_longer_than_a_period),
        cmocka_unit_test(test_a_clock_that_goes_back_a_little),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_a_clock_that_is_set_forward),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_next_run),
        cmocka_unit_test(test_a_schedule_that_never_runs_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
