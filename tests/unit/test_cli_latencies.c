/* Percentiles of durations, against those of a sorted list. */
#include "cli/latencies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT 20000

static int compare(const void *a, const void *b)
{
    const uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static void assert_near(uint64_t found, uint64_t exact)
{
    const double error = ((double)found - (double)exact) / (double)(exact ? exact : 1);
    assert_true(error < 0.01 && error > -0.01);
}

/* From a nanosecond to an hour, every size as often as any other. */
static void percentiles_are_right_within_a_percent(void **state)
{
    (void)state;
    static struct latencies latencies;
    static uint64_t durations[COUNT];
    static const double parts[] = {0.001, 0.1, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
    uint64_t seed = 88172645463325252;
    for (size_t i = 0; i < COUNT; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        durations[i] = (seed >> 22) >> (seed % 42);
        latencies_add(&latencies, durations[i]);
    }
    qsort(durations, COUNT, sizeof(*durations), compare);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_near(latencies_at(&latencies, parts[i]), durations[(size_t)(parts[i] * COUNT + 0.5) - 1]);
    assert_int_equal(latencies.min_ns, durations[0]);
    assert_int_equal(latencies.max_ns, durations[COUNT - 1]);
}

static void few_are_told_exactly(void **state)
{
    (void)state;
    static struct latencies latencies;
    assert_int_equal(latencies_at(&latencies, 0.5), 0);
    assert_int_equal(latencies_mean(&latencies), 0);
    latencies_add(&latencies, 1234567);
    assert_int_equal(latencies_at(&latencies, 0.001), 1234567);
    assert_int_equal(latencies_at(&latencies, 1), 1234567);
    latencies_add(&latencies, UINT64_C(1) << 50);
    assert_int_equal(latencies.max_ns, UINT64_C(1) << 50);
    assert_int_equal(latencies_mean(&latencies), ((UINT64_C(1) << 50) + 1234567) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_right_within_a_percent),
        cmocka_unit_test(few_are_told_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
