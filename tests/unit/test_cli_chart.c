/* Charts, row by row. */
#include "cli/chart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_row(const struct chart *chart, unsigned row, const char *wanted)
{
    struct strbuf text;
    strbuf_init(&text, 4096);
    chart_write_row(chart, row, &text);
    assert_string_equal(strbuf_text(&text), wanted);
    strbuf_clear(&text);
}

static struct series series_of(const double *values, size_t count)
{
    struct series series = {0};
    for (size_t i = 0; i < count; i++)
        series_add(&series, values[i]);
    return series;
}

static void heights_are_shown(void **state)
{
    (void)state;
    const double values[] = {0, 1, 4, 8};
    struct series series = series_of(values, 4);
    struct chart chart = {.series = &series, .planned = 6, .columns = 6, .rows = 1, .is_utf8 = true};
    assert_row(&chart, 0, " ▁▄█");
    chart.rows = 2;
    assert_row(&chart, 0, "   █");
    assert_row(&chart, 1, " ▂██");
    chart.is_utf8 = false;
    assert_row(&chart, 0, "   #");
    assert_row(&chart, 1, " .##");
    assert_true(chart_most(&chart) == 8);
    series_clear(&series);
}

static void columns_are_means_or_repeat(void **state)
{
    (void)state;
    const double values[] = {2, 6, 8, 8};
    struct series series = series_of(values, 4);
    struct chart chart = {.series = &series, .planned = 4, .columns = 2, .rows = 1, .is_utf8 = true};
    assert_row(&chart, 0, "▄█");
    chart.is_peaks = true;
    assert_row(&chart, 0, "▆█");
    chart.columns = 8;
    assert_row(&chart, 0, "▂▂▆▆████");
    series_clear(&series);
    assert_row(&chart, 0, "");
    assert_true(chart_most(&chart) == 0);
}

static void what_is_small_is_seen(void **state)
{
    (void)state;
    const double values[] = {0.001, 1000, 0};
    struct series series = series_of(values, 3);
    const struct chart chart = {.series = &series, .planned = 3, .columns = 3, .rows = 2, .is_utf8 = true};
    assert_row(&chart, 0, " █ ");
    assert_row(&chart, 1, "▁█ ");
    series_clear(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heights_are_shown),
        cmocka_unit_test(columns_are_means_or_repeat),
        cmocka_unit_test(what_is_small_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
