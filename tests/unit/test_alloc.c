#include "base/alloc.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void array_keeps_what_it_has_as_it_grows(void **state)
{
    (void)state;
    cleanup_free size_t *numbers = NULL;
    for (size_t count = 0; count < 1000; count++) {
        numbers = xgrow(numbers, count, sizeof(*numbers));
        numbers[count] = count;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
}

/* An array that has become shorter has room for what its new length says. */
static void array_may_become_shorter_between(void **state)
{
    (void)state;
    static const size_t shorter[] = {0, 1, 3, 4, 5, 7, 8, 31, 32, 33};
    cleanup_free size_t *numbers = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(shorter) / sizeof(*shorter); i++) {
        for (count = count > shorter[i] ? shorter[i] : count; count < 64; count++) {
            numbers = xgrow(numbers, count, sizeof(*numbers));
            numbers[count] = count;
        }
        for (size_t at = 0; at < count; at++)
            assert_int_equal(numbers[at], at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(array_keeps_what_it_has_as_it_grows),
        cmocka_unit_test(array_may_become_shorter_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
