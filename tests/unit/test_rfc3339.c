/* Times as text and back. */
#include "base/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t time_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2024-05-01T09:30:00.123Z", 1714555800123},
        {"2024-05-01T09:30:00.123456789Z", 1714555800123},
        {"2024-05-01T11:30:00.1+02:00", 1714555800100},
        {"2024-05-01t05:00:00-04:30", 1714555800000},
        {"2024-02-29 00:00:00z", 1709164800000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t time_ms = 1;
        assert_int_equal(rfc3339_read(rows[i].text, &time_ms), 0);
        assert_int_equal(time_ms, rows[i].time_ms);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "now",
        "1714555800",
        "2024-05-01",
        "2024-05-01T09:30:00",
        "2024-05-01T09:30:00.Z",
        "2024-05-01T09:30:00Zulu",
        "2024-05-01T09:30:00+0200",
        "2024-05-01T09:30:00+24:00",
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-05-01T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
    };
    uint64_t time_ms = 7;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(rfc3339_read(texts[i], &time_ms), -1);
    assert_int_equal(time_ms, 7);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char text[RFC3339_SIZE];
    uint64_t time_ms, now_ms = wall_clock_ms();
    assert_string_equal(rfc3339_write(1714555800007, text), "2024-05-01T09:30:00.007Z");
    rfc3339_write(now_ms, text);
    assert_int_equal(rfc3339_read(text, &time_ms), 0);
    assert_int_equal(time_ms, now_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
