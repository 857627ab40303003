/* How many clients an address has: a limit for each, whatever the others do. */
#include "gateway/address_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address_counts counts;

static int set_up(void **state)
{
    (void)state;
    address_counts_init(&counts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    address_counts_clear(&counts);
    return 0;
}

static struct ip_address address_of(const char *text)
{
    struct ip_address address;
    assert_true(ip_address_parse(text, strlen(text), &address));
    return address;
}

static bool enter(const char *text, unsigned limit)
{
    struct ip_address address = address_of(text);
    return address_counts_enter(&counts, &address, limit);
}

static void leave(const char *text)
{
    struct ip_address address = address_of(text);
    address_counts_leave(&counts, &address);
}

static void test_each_address_has_its_limit(void **state)
{
    (void)state;
    assert_true(enter("192.0.2.1", 2));
    assert_true(enter("192.0.2.1", 2));
    assert_false(enter("192.0.2.1", 2));
    assert_true(enter("192.0.2.2", 2));
    assert_false(enter("::ffff:192.0.2.1", 2));
}

static void test_who_leaves_makes_room(void **state)
{
    (void)state;
    assert_true(enter("192.0.2.1", 1));
    assert_false(enter("192.0.2.1", 1));
    leave("192.0.2.1");
    assert_true(enter("192.0.2.1", 1));
    assert_false(enter("192.0.2.1", 1));
    leave("192.0.2.1");
    leave("192.0.2.1"); /* nobody is left to leave */
    assert_true(enter("192.0.2.1", 1));
}

static void test_wide_addresses_count_by_network(void **state)
{
    (void)state;
    assert_true(enter("2001:db8::1", 2));
    assert_true(enter("2001:db8::ffff:2", 2));
    assert_false(enter("2001:db8:0:0:3::", 2));
    assert_true(enter("2001:db8:0:1::1", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_address_has_its_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_leaves_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wide_addresses_count_by_network, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
