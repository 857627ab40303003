/* Expressions of cron: what they are read as, what is said about wrong ones, and their times, also where
 * clocks are changed. */
#include "base/rfc3339.h"
#include "config/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMES_MAX 8

static void read_right(const char *text, struct cron *ret_cron)
{
    struct cron_problem problem;
    if (cron_parse(text, ret_cron, &problem) < 0)
        fail_msg("%s: %s", text, problem.message);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t minutes;
        uint32_t hours, days, months, weekdays;
    } cases[] = {
        {"0 0 1 1 0", 1, 1, 2, 2, 1},
        {"1,3-5 0 1 1 7", 0x3a, 1, 2, 2, 1},
        {"*/30 0-6/3 1 jan-mar mon", 0x40000001, 0x49, 2, 0xe, 2},
        {"50/5 23 31 DEC Fri-Sun", 0x84000000000000, 0x800000, 0x80000000, 0x1000, 0x61},
        {"\t 5  4   3 2  1 ", 0x20, 0x10, 8, 4, 2},
        {"0 0 ? * 1-5", 1, 1, 0xfffffffe, 0x1ffe, 0x3e},
        {"@monthly", 1, 1, 2, 0x1ffe, 0x7f},
        {" @yearly ", 1, 1, 2, 2, 0x7f},
        {"@weekly", 1, 1, 0xfffffffe, 0x1ffe, 1},
        {"@daily", 1, 1, 0xfffffffe, 0x1ffe, 0x7f},
        {"@hourly", 1, 0xffffff, 0xfffffffe, 0x1ffe, 0x7f},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cron cron;
        read_right(cases[i].text, &cron);
        assert_int_equal(cron.seconds, 1);
        assert_int_equal(cron.minutes, cases[i].minutes);
        assert_int_equal(cron.hours, cases[i].hours);
        assert_int_equal(cron.days, cases[i].days);
        assert_int_equal(cron.months, cases[i].months);
        assert_int_equal(cron.weekdays, cases[i].weekdays);
    }
}

static void test_seconds_stand_first(void **state)
{
    (void)state;
    struct cron cron;
    read_right("*/20 1 2 3 4 5", &cron);
    assert_int_equal(cron.seconds, 1 | 1 << 20 | 1ull << 40);
    assert_int_equal(cron.minutes, 2);
    assert_int_equal(cron.weekdays, 1 << 5);
    assert_false(cron.goes_round);
    read_right("@every 1m30s", &cron);
    assert_int_equal(cron.every_ms, 90000);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        size_t at;
    } cases[] = {
        {"", "five fields, or six with seconds before them, not 0", 0},
        {"* * * *", "not 4", 0},
        {"* * * * * * *", "not more than 6", 0},
        {"60 * * * *", "\"60\" is no minute: it is from 0 to 59", 0},
        {"* 24 * * *", "\"24\" is no hour: it is from 0 to 23", 2},
        {"* * 0 * *", "\"0\" is no day of the month: it is from 1 to 31", 4},
        {"* * * foo *", "\"foo\" is no month: it is from 1 to 12", 6},
        {"* * * * 8", "\"8\" is no weekday", 8},
        {"* * * * sunday", "\"sunday\" is no weekday", 8},
        {"99999999999999999999 * * * *", "is no minute", 0},
        {"61 * * * * *", "\"61\" is no second", 0},
        {"5-1 * * * *", "goes backwards", 0},
        {"* * * * fri-mon", "goes backwards", 8},
        {"*/0 * * * *", "a step of the field minute is from 1 to 60", 2},
        {"*/61 * * * *", "a step of the field minute is from 1 to 60", 2},
        {"*/ * * * *", "a step of the field minute", 2},
        {"1,,2 * * * *", "\",\" is no minute", 2},
        {"1, * * * *", "is no minute", 2},
        {"1;2 * * * *", "\";\" cannot stand here in the field minute", 1},
        {"? * * * *", "\"?\" is no minute", 0},
        {"L * * * *", "\"L\" is no minute", 0},
        {"* * L * *", "\"L\" is no day", 4},
        {"-5 * * * *", "\"-\" is no minute", 0},
        {"0 0 30 2 *", "no day is ever one", 0},
        {"0 0 31 4,6,9,11 *", "no day is ever one", 0},
        {"@reboot", "\"@reboot\" is no schedule", 0},
        {"@daily x", "\"@daily\" is no schedule", 0},
        {"@every", "\"@every\" needs a duration", 6},
        {"@every 500ms", "\"@every\" needs a duration from 1s", 7},
        {"@every -1s", "\"@every\" needs", 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cron cron;
        struct cron_problem problem = {0};
        if (cron_parse(cases[i].text, &cron, &problem) == 0)
            fail_msg("%s is right", cases[i].text);
        if (!strstr(problem.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, problem.message);
        assert_int_equal(problem.at, cases[i].at);
    }
    char longer[CRON_TEXT_MAX + 10];
    struct cron cron;
    struct cron_problem problem;
    snprintf(longer, sizeof(longer), "%*s", CRON_TEXT_MAX + 5, "* * * * *");
    assert_int_equal(cron_parse(longer, &cron, &problem), -1);
}

/* The next times of an expression. */
struct course {
    const char *text, *zone, *after;
    const char *times[TIMES_MAX]; /* in UTC; NULL: all of them are listed */
};

static uint64_t ms_of(const char *text)
{
    uint64_t ms;
    if (rfc3339_read(text, &ms) < 0)
        fail_msg("%s", text);
    return ms;
}

static void check_course(const struct course *course)
{
    struct cron cron;
    struct time_zone *zone = time_zone_open(course->zone);
    uint64_t at = ms_of(course->after);
    read_right(course->text, &cron);
    assert_non_null(zone);
    for (size_t i = 0; i < TIMES_MAX && course->times[i]; i++) {
        char found[RFC3339_SIZE];
        uint64_t expected = ms_of(course->times[i]);
        assert_true(cron_next(&cron, zone, at, &at));
        if (at != expected)
            fail_msg("%s in %s, %zu: %s and not %s", course->text, course->zone, i, rfc3339_write(at, found),
                     course->times[i]);
    }
    time_zone_close(zone);
}

static void check_courses(const struct course *courses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_course(&courses[i]);
}

#define CHECK(courses) check_courses(courses, sizeof(courses) / sizeof((courses)[0]))

static void test_times(void **state)
{
    (void)state;
    static const struct course courses[] = {
        {"*/5 * * * *", "UTC", "2026-11-30T10:58:00.5Z", {"2026-11-30T11:00:00Z", "2026-11-30T11:05:00Z"}},
        {"0 3 * * *", "UTC", "2026-12-31T03:00:00Z", {"2027-01-01T03:00:00Z"}},
        {"59 59 23 31 12 *",
         "UTC",
         "2026-12-31T23:59:58.999Z",
         {"2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z"}},
        {"* * * * * *", "UTC", "2026-01-01T00:00:00Z", {"2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"}},
        /* either of two that are named; both of them where one begins with "*" */
        {"0 0 13 * fri",
         "UTC",
         "2026-02-01T00:00:00Z",
         {"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
        {"0 0 */13 * fri", "UTC", "2026-01-01T00:00:00Z", {"2026-02-27T00:00:00Z", "2026-03-27T00:00:00Z"}},
        {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", {"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
        {"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00Z"}},
        {"0 0 29 2 */7", "UTC", "2026-01-01T00:00:00Z", {"2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"}},
        {"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", {"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
        {"@every 90m",
         "Europe/Berlin",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"}},
        {"0 9 * * mon-fri", "Asia/Kolkata", "2026-11-28T00:00:00Z", {"2026-11-30T03:30:00Z"}},
        {"30 23 31 12 *", "Pacific/Auckland", "2026-06-01T00:00:00Z", {"2026-12-31T10:30:00Z"}},
    };
    CHECK(courses);
}

/* 02:00 to 03:00 is gone past on 29 March 2026, and comes twice on 25 October. */
static void test_changes_in_berlin(void **state)
{
    (void)state;
    static const struct course courses[] = {
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-27T12:00:00Z",
         {"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
        {"0,15,30 2 * * *",
         "Europe/Berlin",
         "2026-03-29T00:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"0 2,3 * * *",
         "Europe/Berlin",
         "2026-03-29T00:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"30 2 29 3 *",
         "Europe/Berlin",
         "2026-03-29T00:59:59Z",
         {"2026-03-29T01:00:00Z", "2027-03-29T00:30:00Z"}},
        {"*/30 * * * *",
         "Europe/Berlin",
         "2026-03-29T00:20:00Z",
         {"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
        {"30 */2 * * *",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-28T23:30:00Z", "2026-03-29T02:30:00Z"}},
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-03-29T00:00:00Z",
         {"2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"}},
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", {"2026-10-26T01:30:00Z"}},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", {"2026-10-26T01:30:00Z"}},
        {"0 3 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", {"2026-10-25T02:00:00Z"}},
        {"*/30 * * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
        {"0 */2 * * *",
         "Europe/Berlin",
         "2026-10-24T22:30:00Z",
         {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"}},
        {"@daily", "Europe/Berlin", "2026-10-24T12:00:00Z", {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}},
    };
    CHECK(courses);
}

static void test_changes_elsewhere(void **state)
{
    (void)state;
    static const struct course courses[] = {
        /* 8 March, 02:00 to 03:00; 1 November, 01:00 to 02:00 */
        {"30 2 * * *",
         "America/New_York",
         "2026-03-08T00:00:00Z",
         {"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
        {"30 1 * * *",
         "America/New_York",
         "2026-11-01T00:00:00Z",
         {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
        {"30 * * * *",
         "America/New_York",
         "2026-11-01T05:00:00Z",
         {"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"}},
        /* half an hour: 5 April, 01:30 to 02:00 comes twice; 4 October, 02:00 to 02:30 is gone past */
        {"45 1 * * *",
         "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
        {"*/15 * * * *",
         "Australia/Lord_Howe",
         "2026-04-04T14:30:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:30:00Z"}},
        {"15 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
        {"15,45 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"}},
        /* at midnight: the last hour of 4 April comes twice, the first of 6 September not at all */
        {"50 * * * *",
         "America/Santiago",
         "2026-04-05T02:00:00Z",
         {"2026-04-05T02:50:00Z", "2026-04-05T03:50:00Z", "2026-04-05T04:50:00Z"}},
        {"*/30 23 4 4 *",
         "America/Santiago",
         "2026-04-05T02:10:00Z",
         {"2026-04-05T02:30:00Z", "2026-04-05T03:00:00Z", "2026-04-05T03:30:00Z", "2027-04-05T03:00:00Z"}},
        {"@daily",
         "America/Santiago",
         "2026-09-05T12:00:00Z",
         {"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
        {"*/20 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", {"2026-09-07T03:00:00Z"}},
        /* a day that there was not: 30 December 2011 */
        {"0 12 * * *",
         "Pacific/Apia",
         "2011-12-29T12:00:00Z",
         {"2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
    };
    CHECK(courses);
}

static void test_zones(void **state)
{
    (void)state;
    static const char *const none[] = {
        "",       "berlin",      "Europe/Atlantis", "../../etc/passwd", "/etc/localtime",
        "+01:00", "leapseconds", "Europe",          "right/UTC"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_null(time_zone_open(none[i]));
    struct time_zone *own = time_zone_open(NULL);
    assert_non_null(own);
    time_zone_close(own);
    time_zone_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_seconds_stand_first),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_changes_in_berlin),
        cmocka_unit_test(test_changes_elsewhere),
        cmocka_unit_test(test_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
