/* For how long addresses of names are let through, and which names are asked for again. */
#include "firewall/known_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS 3600000u

static const struct ip_address one = {.bytes = {[10] = 0xff, [11] = 0xff, [15] = 1}};
static const struct ip_address other = {.bytes = {[10] = 0xff, [11] = 0xff, [15] = 2}};

static void test_a_former_address_stays_for_a_while(void **state)
{
    (void)state;
    struct known_names names = {0};
    struct known_name *known = known_names_take(&names, "a.example", false, 1000);
    known_name_note(known, &one, 1, 60, 1000);
    assert_int_equal(known->fresh_until_ms, 61000);
    assert_int_equal(known->addresses[0].until_ms, 1000 + (2 * 60 + 300) * 1000);
    known_name_note(known, &other, 1, 60, 61000);
    assert_int_equal(known->count, 2);
    assert_false(known->addresses[0].is_current);
    assert_true(known->addresses[1].is_current);
    known_name_note(known, &other, 1, 60, 1000 + 420 * 1000);
    assert_int_equal(known->count, 1);
    known_names_clear(&names);
}

static void test_a_time_to_live_has_bounds(void **state)
{
    (void)state;
    assert_int_equal(known_name_seconds(0), 320);
    assert_int_equal(known_name_seconds(3000000000u), 2 * 3600 + 300);
    struct known_names names = {0};
    struct known_name *known = known_names_take(&names, "a.example", false, 0);
    known_name_note(known, &one, 1, 0, 500);
    assert_int_equal(known->fresh_until_ms, 500); /* whoever asks gets a new answer */
    assert_int_equal(known->due_ms, 10500);
    known_names_clear(&names);
}

static void test_what_nobody_asks_for_is_forgotten_unless_it_is_kept(void **state)
{
    (void)state;
    struct known_names names = {0};
    known_names_take(&names, "kept.example", false, 0)->is_kept = true;
    known_names_take(&names, "asked.example", true, 0)->asked_ms = HOUR_MS;
    known_names_take(&names, "left.example", false, 0);
    assert_ptr_equal(known_names_find(&names, "asked.example", false), NULL);
    assert_non_null(known_names_due(&names, HOUR_MS + 1));
    assert_int_equal(names.count, 2);
    assert_null(known_names_find(&names, "left.example", false));
    known_names_clear(&names);
}

static void test_names_and_addresses_are_not_without_number(void **state)
{
    (void)state;
    struct known_names names = {0};
    char name[32];
    known_names_take(&names, "kept.example", false, 0)->is_kept = true;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "%u.example", i);
        known_names_take(&names, name, false, i);
    }
    assert_int_equal(names.count, 1024);
    assert_non_null(known_names_find(&names, "kept.example", false));
    assert_non_null(known_names_find(&names, "2999.example", false));
    struct known_name *known = known_names_find(&names, "kept.example", false);
    for (unsigned i = 0; i < 300; i++) {
        struct ip_address address = one;
        address.bytes[14] = (uint8_t)(i >> 8);
        address.bytes[15] = (uint8_t)i;
        known_name_note(known, &address, 1, 60, i);
    }
    assert_int_equal(known->count, KNOWN_ADDRESSES_MAX);
    known_names_clear(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_former_address_stays_for_a_while),
        cmocka_unit_test(test_a_time_to_live_has_bounds),
        cmocka_unit_test(test_what_nobody_asks_for_is_forgotten_unless_it_is_kept),
        cmocka_unit_test(test_names_and_addresses_are_not_without_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
