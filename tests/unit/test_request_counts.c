/* Requests by function: what counts, where it counts, and what is forgotten. */
#include "admin/request_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct request_counts counts;

static int begin(void **state)
{
    (void)state;
    counts = (struct request_counts){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    request_counts_clear(&counts);
    assert_int_equal(counts.count, 0);
    return 0;
}

/* A request of 30 ms after its head, changed by whoever wants another one. */
static const struct request_record usual = {
    .times = {.began_ns = 1 * MS, .head_ns = 2 * MS, .end_ns = 32 * MS},
    .status = 200,
    .end = REQUEST_ANSWERED,
    .is_routed = true,
};

static void add(const char *name, const struct request_record *like)
{
    struct http_text texts[REQUEST_TEXTS] = {[REQUEST_FUNCTION] = http_text_make(name, strlen(name))};
    struct request_record *record = test_malloc(request_record_size(texts));
    *record = *like;
    request_record_set_texts(record, texts);
    request_counts_add(&counts, record);
    test_free(record);
}

static void requests_count_by_function_and_class(void **state)
{
    (void)state;
    struct request_record failed = usual, left = usual;
    failed.status = 503;
    left.status = 0;
    left.end = REQUEST_CLIENT_GONE;
    add("a", &usual);
    add("a", &usual);
    add("a", &failed);
    add("a", &left);
    add("b", &usual);
    const struct request_count a = request_counts_of(&counts, "a"), b = request_counts_of(&counts, "b");
    assert_int_equal(a.total, 4);
    assert_int_equal(a.by_class[2], 2);
    assert_int_equal(a.by_class[5], 1);
    assert_int_equal(a.by_class[0], 1);
    assert_int_equal(b.total, 1);
    assert_int_equal(request_counts_of(&counts, "never called").total, 0);
}

static void what_names_no_function_does_not_count(void **state)
{
    (void)state;
    struct request_record unknown = usual;
    unknown.is_routed = false;
    unknown.status = 404;
    add("guessed", &unknown);
    assert_int_equal(counts.count, 0);
}

static void durations_fall_into_buckets(void **state)
{
    (void)state;
    struct request_record longest = usual, exact = usual;
    longest.times.end_ns = longest.times.head_ns + 3600000 * MS;
    exact.times.end_ns = exact.times.head_ns + 50 * MS;
    add("a", &usual);
    add("a", &exact);
    add("a", &longest);
    const struct request_count count = request_counts_of(&counts, "a");
    assert_int_equal(count.status_count, 1);
    const struct histogram *seconds = count.statuses[0].seconds;
    assert_int_equal(seconds->count, 3);
    assert_int_equal(seconds->sum_ns, 3600080 * MS);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++)
        assert_int_equal(histogram_within(seconds, i),
                         (histogram_bounds_ms[i] >= 30) + (histogram_bounds_ms[i] >= 50));
}

static void what_has_no_end_of_its_own_has_no_duration(void **state)
{
    (void)state;
    struct request_record stream = usual, cut = usual;
    stream.status = 101;
    stream.is_stream = true;
    cut.end = REQUEST_CUT;
    add("a", &stream);
    add("a", &cut);
    const struct request_count count = request_counts_of(&counts, "a");
    assert_int_equal(count.total, 2);
    assert_int_equal(count.status_count, 2);
    assert_null(count.statuses[0].seconds);
    assert_null(count.statuses[1].seconds);
}

static void statuses_are_told_apart_up_to_a_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct request_record record = usual;
        record.status = (uint16_t)(200 + i % 20);
        add("a", &record);
    }
    const struct request_count count = request_counts_of(&counts, "a");
    assert_int_equal(count.status_count, REQUEST_STATUSES + 1);
    assert_int_equal(count.statuses[0].status, 200);
    assert_int_equal(count.statuses[0].count, 2);
    assert_int_equal(count.statuses[0].seconds->count, 2);
    assert_int_equal(count.statuses[REQUEST_STATUSES].status, 2);
    assert_int_equal(count.statuses[REQUEST_STATUSES].count, 8);
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    struct request_record failed = usual, cold = usual;
    failed.status = 503;
    failed.code = ERROR_OUT_OF_MEMORY;
    failed.component = COMPONENT_CONTAINER;
    cold.is_cold = true;
    cold.waited_ns = 7 * MS;
    add("a", &usual);
    add("a", &usual);
    add("a", &failed);
    add("a", &cold);
    const struct request_count count = request_counts_of(&counts, "a");
    assert_int_equal(count.kinds.length, 3);
    assert_int_equal(count.kinds.rows[0].count, 2);
    const struct request_kind kind = request_kind_of(count.kinds.rows[1].kind);
    assert_int_equal(kind.class, 5);
    assert_false(kind.is_cold);
    assert_int_equal(kind.component, COMPONENT_CONTAINER);
    assert_int_equal(kind.code, ERROR_OUT_OF_MEMORY);
    assert_true(request_kind_of(count.kinds.rows[2].kind).is_cold);
    assert_int_equal(count.cold_waits->count, 1);
    assert_int_equal(count.cold_waits->sum_ns, 7 * MS);
}

/* A request that is seen nowhere for a moment, between its slot's release and its record, was told before. */
static void what_has_begun_never_becomes_less(void **state)
{
    (void)state;
    assert_int_equal(request_counts_started(&counts, "a", 0), 0);
    assert_int_equal(counts.count, 0);
    assert_int_equal(request_counts_started(&counts, "a", 2), 2);
    add("a", &usual);
    assert_int_equal(request_counts_started(&counts, "a", 0), 2);
    add("a", &usual);
    assert_int_equal(request_counts_started(&counts, "a", 1), 3);
}

static bool is_even(const char *name, void *context)
{
    (*(unsigned *)context)++;
    return strtoul(name, NULL, 10) % 2 == 0;
}

/* However many functions come and go, so many are kept at most as twice those that are there. */
static void functions_that_are_no_more_are_forgotten(void **state)
{
    (void)state;
    unsigned asked = 0;
    for (unsigned number = 0; number < 1000; number++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", number);
        add(name, &usual);
        if (request_counts_is_grown(&counts))
            request_counts_sweep(&counts, is_even, &asked);
        assert_in_range(counts.count, 1, 64 + number);
    }
    assert_in_range(counts.count, 500, 1000);
    assert_in_range(asked, 1, 4000);
    assert_int_equal(request_counts_of(&counts, "998").total, 1);
    assert_int_equal(request_counts_of(&counts, "1").total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_count_by_function_and_class, begin, end),
        cmocka_unit_test_setup_teardown(what_names_no_function_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(durations_fall_into_buckets, begin, end),
        cmocka_unit_test_setup_teardown(what_has_no_end_of_its_own_has_no_duration, begin, end),
        cmocka_unit_test_setup_teardown(statuses_are_told_apart_up_to_a_limit, begin, end),
        cmocka_unit_test_setup_teardown(kinds_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(what_has_begun_never_becomes_less, begin, end),
        cmocka_unit_test_setup_teardown(functions_that_are_no_more_are_forgotten, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
