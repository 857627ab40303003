/* What a function may reach: entries as they are written, lists as one text, names that they mean. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "config/egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_read(const char *text, const char *expected)
{
    struct egress_entry entry;
    if (egress_entry_parse(text, strlen(text), &entry) != EGRESS_FINE)
        fail_msg("%s is none", text);
    cleanup_free char *again = egress_entry_text(&entry);
    assert_string_equal(again, expected);
    egress_entry_clear(&entry);
}

static void test_entries_are_written_in_one_way(void **state)
{
    (void)state;
    assert_read("Example.COM.", "example.com");
    assert_read("example.com:443", "example.com:443");
    assert_read("*.Example.com:1", "*.example.com:1");
    assert_read("_dns.a-b.example", "_dns.a-b.example");
    assert_read("10.0.0.0/8", "10.0.0.0/8");
    assert_read("192.0.2.1/32:53", "192.0.2.1:53");
    assert_read("2001:db8::1", "2001:db8::1");
    assert_read("[2001:DB8::1]", "2001:db8::1");
    assert_read("[2001:db8::/32]:65535", "[2001:db8::/32]:65535");
    assert_read("0.0.0.0/0", "0.0.0.0/0");
}

static void assert_flaw(const char *text, enum egress_flaw flaw)
{
    struct egress_entry entry;
    if (egress_entry_parse(text, strlen(text), &entry) != flaw)
        fail_msg("%s", text);
}

static void test_what_is_none_says_why(void **state)
{
    (void)state;
    assert_flaw("", EGRESS_MALFORMED);
    assert_flaw(".", EGRESS_MALFORMED);
    assert_flaw("None.", EGRESS_MALFORMED); /* a list of it alone would be none */
    assert_flaw("a..b", EGRESS_MALFORMED);
    assert_flaw("http://example.com", EGRESS_PORT);
    assert_flaw("example.com/a", EGRESS_MALFORMED);
    assert_flaw("10.0.0.256", EGRESS_MALFORMED);
    assert_flaw("[10.0.0.1]:53", EGRESS_MALFORMED);
    assert_flaw("example.com:", EGRESS_PORT);
    assert_flaw("example.com:0", EGRESS_PORT);
    assert_flaw("example.com:65536", EGRESS_PORT);
    assert_flaw("example.com:053", EGRESS_PORT);
    assert_flaw("[2001:db8::1]443", EGRESS_PORT);
    assert_flaw("10.0.0.1/8", EGRESS_INEXACT);
    assert_flaw("*", EGRESS_WILDCARD);
    assert_flaw("*.*.com", EGRESS_WILDCARD);
    assert_flaw("a.*.example.com", EGRESS_WILDCARD);
    assert_flaw("127.0.0.1", EGRESS_NEVER);
    assert_flaw("::1", EGRESS_NEVER);
    assert_flaw("169.254.169.254:80", EGRESS_NEVER);
    assert_flaw("[fe80::/64]:53", EGRESS_NEVER);
}

static void test_the_same_list_is_the_same_text(void **state)
{
    (void)state;
    static const char *const orders[] = {"10.0.0.0/8,*.a.example,b.example:443,10.0.0.0/8:53",
                                         "b.example:443,10.0.0.0/8:53,10.0.0.0/8,*.a.example,b.example:443"};
    for (size_t i = 0; i < 2; i++) {
        struct egress egress;
        assert_true(egress_parse(orders[i], &egress));
        cleanup_free char *text = egress_text(&egress);
        assert_string_equal(text, "*.a.example,b.example:443,10.0.0.0/8,10.0.0.0/8:53");
        assert_true(egress_names_any(&egress));
        egress_clear(&egress);
    }
}

static void test_nothing_and_no_limit_are_different(void **state)
{
    (void)state;
    struct egress egress = {0};
    assert_null(egress_text(&egress));
    assert_true(egress_parse("none", &egress));
    assert_true(egress.is_limited);
    cleanup_free char *text = egress_text(&egress);
    assert_string_equal(text, "none");
    assert_false(egress_names_any(&egress));
    egress_clear(&egress);
}

static void test_what_cannot_be_read_lets_nothing_through(void **state)
{
    (void)state;
    struct egress egress;
    assert_false(egress_parse("example.com,10.0.0.0/40", &egress));
    assert_true(egress.is_limited);
    assert_int_equal(egress.count, 0);
    egress_clear(&egress);
}

static void test_names_are_meant_as_they_are_written(void **state)
{
    (void)state;
    struct egress egress;
    assert_true(egress_parse("a.example,*.b.example:443,10.0.0.0/8", &egress));
    assert_true(egress_has_name(&egress, "a.example"));
    assert_true(egress_has_name(&egress, "x.b.example"));
    assert_true(egress_has_name(&egress, "y.x.b.example"));
    assert_false(egress_has_name(&egress, "b.example"));
    assert_false(egress_has_name(&egress, ".b.example"));
    assert_false(egress_has_name(&egress, "xb.example"));
    assert_false(egress_has_name(&egress, "x.a.example"));
    assert_false(egress_has_name(&egress, ""));
    egress_clear(&egress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_written_in_one_way),
        cmocka_unit_test(test_what_is_none_says_why),
        cmocka_unit_test(test_the_same_list_is_the_same_text),
        cmocka_unit_test(test_nothing_and_no_limit_are_different),
        cmocka_unit_test(test_what_cannot_be_read_lets_nothing_through),
        cmocka_unit_test(test_names_are_meant_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
