/* Whose doing a loss was, by component and reason. */
#include "fleet/instance/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *component, *reason;
    bool own, engine_trouble;
} cases[] = {
    {"container", "container-exited", true, false},
    {"container", "out-of-memory", true, false},
    {"container", "container-killed", false, false},
    {"container", "container-gone", false, false},
    {"runner", "runner-gone", true, false},
    {"runner", "load-failed", true, false},
    {"fleet", "start-timeout", true, false},
    {"fleet", "instance-removed", false, false},
    {"docker", "docker-request", true, false},
    {"docker", "docker-error", false, true},
    {"docker", "docker-unreachable", false, true},
    {"docker", "docker-timeout", false, true},
    {"docker", "conflict", false, false},
    {"docker", "not-found", false, false},
    {"docker", "image-missing", false, false},
    {"docker", "start-timeout", false, false},
};

static void every_cause_is_somebodys_doing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s %s\n", cases[i].component, cases[i].reason);
        assert_int_equal(fault_is_own(cases[i].component, cases[i].reason), cases[i].own);
        assert_int_equal(fault_is_engine_trouble(cases[i].component, cases[i].reason),
                         cases[i].engine_trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_is_somebodys_doing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
