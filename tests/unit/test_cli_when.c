/* Times as a user writes them. */
#include "cli/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW UINT64_C(1714555800000)

static void times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t time_ms;
    } rows[] = {
        {"90s", NOW - 90000}, {"10m", NOW - 600000}, {"1.5h", NOW - 5400000}, {"2d", NOW - 172800000},
        {"250ms", NOW - 250}, {"0s", NOW},           {"1000000d", 0},         {"2024-05-01T09:30:00Z", NOW},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t time_ms = 1;
        assert_int_equal(when_read(rows[i].text, NOW, &time_ms), 0);
        assert_int_equal(time_ms, rows[i].time_ms);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "10", "m", "-5m", "nans", "10 m", "10mm", "1e999s", "yesterday"};
    uint64_t time_ms = 7;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(when_read(texts[i], NOW, &time_ms), -1);
    assert_int_equal(time_ms, 7);
}

static void durations_are_read(void **state)
{
    (void)state;
    static const char *const no_durations[] = {"",     "10",     "s",   "-1s",
                                               "nans", "1e999s", "1 s", "2024-05-01T09:30:00Z"};
    uint64_t ms = 7;
    for (size_t i = 0; i < sizeof(no_durations) / sizeof(no_durations[0]); i++)
        assert_int_equal(duration_read(no_durations[i], &ms), -1);
    assert_int_equal(ms, 7);
    assert_int_equal(duration_read("1.5s", &ms), 0);
    assert_int_equal(ms, 1500);
    assert_int_equal(duration_read("1e300d", &ms), 0);
    assert_int_equal(ms, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(durations_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
