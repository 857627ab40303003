#include "prepare/store/cold_starts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1700000000000)

static void those_of_one_moment_are_a_burst(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    cold_starts_add(&starts, 0, NOW_MS);
    assert_false(starts.is_changed);
    cold_starts_add(&starts, 1, NOW_MS);
    cold_starts_add(&starts, 2, NOW_MS + COLD_BURST_MS - 1);
    cold_starts_add(&starts, 1, NOW_MS + COLD_BURST_MS);
    assert_true(starts.is_changed);
    assert_int_equal(starts.count, 2);
    assert_int_equal(starts.items[0].count, 3);
    assert_true(starts.items[0].at_ms == NOW_MS);
    assert_int_equal(starts.items[1].count, 1);
    cold_starts_clear(&starts);
}

static void the_newest_are_kept(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    for (unsigned i = 0; i < COLD_STARTS_KEPT + 3; i++)
        cold_starts_add(&starts, i + 1, NOW_MS + i * UINT64_C(60000));
    assert_int_equal(starts.count, COLD_STARTS_KEPT);
    assert_int_equal(starts.items[0].count, 4);
    assert_int_equal(starts.items[COLD_STARTS_KEPT - 1].count, COLD_STARTS_KEPT + 3);
    cold_starts_clear(&starts);
    assert_int_equal(starts.count, 0);
}

static void what_lies_ahead_is_forgotten(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    cold_starts_add(&starts, 1, NOW_MS);
    cold_starts_add(&starts, 1, NOW_MS + 3600000);
    cold_starts_add(&starts, 7, NOW_MS + 60000);
    assert_int_equal(starts.count, 2);
    assert_int_equal(starts.items[1].count, 7);
    cold_starts_clear(&starts);
}

static void json_gives_back_what_it_was_given(void **state)
{
    (void)state;
    struct cold_starts starts = {0}, read;
    assert_null(cold_starts_to_json(&starts));
    cold_starts_add(&starts, 2, NOW_MS);
    cold_starts_add(&starts, 1, NOW_MS + 60000);
    json_t *json = cold_starts_to_json(&starts);
    cold_starts_read(json, &read);
    assert_int_equal(read.count, 2);
    assert_false(read.is_changed);
    assert_memory_equal(read.items, starts.items, 2 * sizeof(*read.items));
    json_decref(json);
    cold_starts_clear(&starts);
    cold_starts_clear(&read);
}

static void what_is_none_is_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "7", "[]", "[1]", "[[1]]", "[[1, 0]]", "[[-1, 1]]", "[[\"1\", \"1\"]]", "[[1, 1.5]]",
    };
    struct cold_starts read;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *json = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        cold_starts_read(json, &read);
        assert_int_equal(read.count, 0);
        json_decref(json);
    }
    json_t *unordered = json_loads("[[5, 1], [4, 1], [6, 9000000000]]", 0, NULL);
    cold_starts_read(unordered, &read);
    assert_int_equal(read.count, 2);
    assert_true(read.items[1].at_ms == 6);
    assert_int_equal(read.items[1].count, 100000);
    json_decref(unordered);
    cold_starts_clear(&read);
    cold_starts_read(NULL, &read);
    assert_int_equal(read.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_one_moment_are_a_burst),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(what_lies_ahead_is_forgotten),
        cmocka_unit_test(json_gives_back_what_it_was_given),
        cmocka_unit_test(what_is_none_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
