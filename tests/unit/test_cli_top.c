/* What has happened between two looks at the functions, and how a screen has room for it. */
#include "cli/top/top_columns.h"
#include "cli/top/top_sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

/* A function with so many calls, of which all took from 5 to 10 ms but for `slow` beyond the last bound. */
static json_t *function(const char *name, int calls, int failed, int slow)
{
    json_t *latency = json_array();
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        const int within = i < 3 ? 0 : i < HISTOGRAM_BOUNDS ? calls - slow : calls;
        json_array_append_new(latency, json_integer(within));
    }
    return json_pack("{s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:I, s:i, s:i, s:i, s:o}", "name", name, "state",
                     "ready", "callable", 1, "ready", 1, "busy", 2, "starting", 3, "waiting", 4,
                     "memory_bytes", (json_int_t)1 << 40, "invocations", calls, "failed", failed,
                     "cold_starts", 1, "latency", calls ? latency : (json_decref(latency), json_null()));
}

static struct top_sample sample_of(json_t *list, uint64_t at_ns)
{
    struct top_sample sample;
    assert_int_equal(top_sample_read(list, at_ns, &sample), 0);
    json_decref(list);
    return sample;
}

static void assert_close(double found, double wanted)
{
    assert_true(fabs(found - wanted) < 0.001);
}

static void rates_and_percentiles_are_of_the_interval(void **state)
{
    (void)state;
    struct top_sample before =
        sample_of(json_pack("[o, o]", function("b", 1000, 10, 500), function("a", 0, 0, 0)), SECOND);
    struct top_sample now = sample_of(
        json_pack("[o, o, o]", function("a", 0, 0, 0), function("b", 1200, 14, 500), function("c", 7, 0, 0)),
        3 * SECOND);
    top_sample_compare(&now, &before);
    assert_string_equal(now.functions[1].name, "b");
    assert_close(now.functions[1].requests_per_s, 100);
    assert_close(now.functions[1].errors_per_s, 2);
    assert_close(now.functions[1].p50_ms, 7.5);
    assert_close(now.functions[1].p99_ms, 9.95);
    assert_close(now.functions[0].requests_per_s, 0);
    assert_true(isnan(now.functions[0].p50_ms));
    assert_true(isnan(now.functions[2].requests_per_s));
    const struct top_function sum = top_sample_sum(&now);
    assert_close(sum.requests_per_s, 100);
    assert_int_equal(sum.waiting, 12);
    top_sample_clear(&before);
    top_sample_clear(&now);
}

static void what_is_beyond_the_bounds_is_told(void **state)
{
    (void)state;
    struct top_sample before = sample_of(json_pack("[o]", function("a", 0, 0, 0)), 0);
    struct top_sample now = sample_of(json_pack("[o]", function("a", 100, 0, 2)), SECOND);
    char text[TOP_CELL_SIZE];
    top_sample_compare(&now, &before);
    assert_close(now.functions[0].p50_ms, 5 + 5 * 50 / 98.0);
    assert_true(isinf(now.functions[0].p99_ms));
    top_column_write(top_column_named("p99_ms"), &now.functions[0], text);
    assert_string_equal(text, ">60000");
    top_sample_clear(&before);
    top_sample_clear(&now);
}

static void daemon_that_was_started_anew_tells_nothing_of_before(void **state)
{
    (void)state;
    struct top_sample before = sample_of(json_pack("[o]", function("a", 1000, 0, 0)), 0);
    struct top_sample now = sample_of(json_pack("[o]", function("a", 10, 0, 0)), SECOND);
    top_sample_compare(&now, &before);
    assert_true(isnan(now.functions[0].requests_per_s));
    top_sample_clear(&before);
    top_sample_clear(&now);
    json_t *other = json_object();
    assert_int_equal(top_sample_read(other, 0, &now), -1);
    json_decref(other);
}

static void assert_order(const struct top_sample *sample, const char *column, const char *filter,
                         const char *wanted)
{
    char found[64] = "";
    size_t count;
    const struct top_function **order = top_order(sample, top_column_named(column), filter, &count);
    for (size_t i = 0; i < count; i++)
        strncat(found, order[i]->name, sizeof(found) - strlen(found) - 1);
    assert_string_equal(found, wanted);
    free((void *)order);
}

static void functions_are_sorted_and_filtered(void **state)
{
    (void)state;
    struct top_sample sample = sample_of(
        json_pack("[o, o, o]", function("c", 1, 0, 0), function("b", 5, 0, 0), function("ab", 1, 0, 0)), 0);
    sample.functions[2].ready = 7;
    sample.functions[0].p99_ms = 3;
    assert_order(&sample, "name", "", "abbc");
    assert_order(&sample, "ready", "", "cabb");
    assert_order(&sample, "p99_ms", "", "abbc");
    assert_order(&sample, "ready", "b", "abb");
    assert_order(&sample, "ready", "x", "");
    assert_ptr_equal(top_column_lettered('p'), top_column_named("p99_ms"));
    assert_null(top_column_lettered('x'));
    assert_null(top_column_lettered('\0'));
    assert_null(top_column_named("x"));
    top_sample_clear(&sample);
}

static void columns_give_way_on_narrow_screens(void **state)
{
    (void)state;
    bool room[TOP_COLUMNS_MAX];
    unsigned last = 0;
    for (unsigned columns = 1; columns < 200; columns++) {
        unsigned shown = 0, used = top_columns_fit(columns, room);
        for (size_t i = 0; i < top_column_count; i++) {
            shown += room[i];
            used += room[i] && i > 0 ? top_columns[i].width + TOP_GAP : 0;
        }
        assert_true(shown >= last && shown >= 4 && room[0]);
        if (columns > 40)
            assert_int_equal(used, columns);
        last = shown;
    }
    assert_int_equal(last, top_column_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_and_percentiles_are_of_the_interval),
        cmocka_unit_test(what_is_beyond_the_bounds_is_told),
        cmocka_unit_test(daemon_that_was_started_anew_tells_nothing_of_before),
        cmocka_unit_test(functions_are_sorted_and_filtered),
        cmocka_unit_test(columns_give_way_on_narrow_screens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
