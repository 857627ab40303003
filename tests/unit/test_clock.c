/* The clock that only goes on. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_clock(void **state)
{
    (void)state;
    uint64_t before_ns = clock_ns();
    assert_true(clock_ms() >= before_ns / 1000000);
    assert_true(clock_ns() >= before_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
