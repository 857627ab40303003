/* Random names. */
#include "base/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_ident(void **state)
{
    (void)state;
    char first[130], second[130];
    ident_random(first, 129);
    ident_random(second, 129);
    assert_int_equal(strlen(first), 129);
    assert_int_equal(strspn(first, "0123456789abcdef"), 129);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
