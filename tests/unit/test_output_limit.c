/* How much of a function's output goes into the log: time is passed in. */
#include "fleet/output/output_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RATE     1000
#define BURST    (RATE * OUTPUT_BURST_S)
#define BEGIN_MS 5000000

/* Writes records of `bytes` until one is not allowed; how many were. */
static unsigned write_all(struct output_limit *limit, size_t bytes, uint64_t now_ms)
{
    unsigned written = 0;
    while (output_limit_allows(limit, RATE, now_ms)) {
        output_limit_spend(limit, bytes);
        written++;
    }
    return written;
}

static void a_burst_passes_and_then_the_rate(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    assert_int_equal(write_all(&limit, 100, BEGIN_MS), BURST / 100);
    assert_int_equal(write_all(&limit, 100, BEGIN_MS), 0);
    assert_int_equal(write_all(&limit, 100, BEGIN_MS + 1000), RATE / 100);
    assert_int_equal(write_all(&limit, 100, BEGIN_MS + 11000), 10 * RATE / 100);
}

static void small_steps_give_as_much_as_one_large(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    unsigned written = 0;
    write_all(&limit, 1, BEGIN_MS);
    for (unsigned i = 1; i <= 3000; i++)
        written += write_all(&limit, 1, BEGIN_MS + i);
    assert_int_equal(written, 3 * RATE);
}

static void it_holds_no_more_than_a_burst(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    write_all(&limit, 100, BEGIN_MS);
    assert_int_equal(write_all(&limit, 100, BEGIN_MS + UINT64_C(100000000000)), BURST / 100);
    output_limit_allows(&limit, RATE, BEGIN_MS + UINT64_C(100000000000) + 750 * OUTPUT_BURST_S);
    assert_int_equal(write_all(&limit, 100, BEGIN_MS + UINT64_C(100000000000) + 1500 * OUTPUT_BURST_S),
                     BURST / 100);
}

/* The one record that is larger than what is left is paid for before the next. */
static void a_large_record_is_paid_for(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    write_all(&limit, 100, BEGIN_MS);
    assert_true(output_limit_allows(&limit, RATE, BEGIN_MS + 1));
    output_limit_spend(&limit, 5 * RATE);
    assert_false(output_limit_allows(&limit, RATE, BEGIN_MS + 4999));
    assert_true(output_limit_allows(&limit, RATE, BEGIN_MS + 5002));
}

static void rate_0_is_no_limit(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    for (unsigned i = 0; i < 100; i++) {
        assert_true(output_limit_allows(&limit, 0, BEGIN_MS));
        output_limit_spend(&limit, 1u << 30);
    }
}

static void drops_are_counted_and_told_once(void **state)
{
    (void)state;
    struct output_limit limit = {0};
    struct output_drops drops;
    assert_false(output_limit_take_drops(&limit, &drops));
    output_limit_drop(&limit, 10, BEGIN_MS);
    output_limit_drop(&limit, 0, BEGIN_MS + 5);
    assert_true(output_limit_take_drops(&limit, &drops));
    assert_int_equal(drops.lines, 2);
    assert_int_equal(drops.bytes, 10);
    assert_int_equal(drops.since_ms, BEGIN_MS);
    assert_false(output_limit_take_drops(&limit, &drops));
    output_limit_drop(&limit, 7, BEGIN_MS + 9);
    assert_true(output_limit_take_drops(&limit, &drops));
    assert_int_equal(drops.since_ms, BEGIN_MS + 9);
    assert_int_equal(limit.dropped_lines, 3);
    assert_int_equal(limit.dropped_bytes, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate),
        cmocka_unit_test(small_steps_give_as_much_as_one_large),
        cmocka_unit_test(it_holds_no_more_than_a_burst),
        cmocka_unit_test(a_large_record_is_paid_for),
        cmocka_unit_test(rate_0_is_no_limit),
        cmocka_unit_test(drops_are_counted_and_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
