/* Whose doing a loss was, by component and code. */
#include "fleet/instance/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    enum error_component component;
    enum error_code code;
    bool own, passing;
} cases[] = {
    {COMPONENT_CONTAINER, ERROR_CONTAINER_EXITED, true, false},
    {COMPONENT_CONTAINER, ERROR_OUT_OF_MEMORY, true, false},
    {COMPONENT_CONTAINER, ERROR_CONTAINER_KILLED, false, false},
    {COMPONENT_CONTAINER, ERROR_CONTAINER_GONE, false, false},
    {COMPONENT_RUNNER, ERROR_RUNNER_GONE, true, false},
    {COMPONENT_RUNNER, ERROR_LOAD_FAILED, true, false},
    {COMPONENT_FLEET, ERROR_START_TIMEOUT, true, false},
    {COMPONENT_FLEET, ERROR_INSTANCE_REMOVED, false, false},
    {COMPONENT_DOCKER, ERROR_DOCKER_REQUEST, true, false},
    {COMPONENT_DOCKER, ERROR_DOCKER_ERROR, false, true},
    {COMPONENT_DOCKER, ERROR_DOCKER_UNREACHABLE, false, true},
    {COMPONENT_DOCKER, ERROR_DOCKER_TIMEOUT, false, true},
    {COMPONENT_DOCKER, ERROR_CONFLICT, false, false},
    {COMPONENT_DOCKER, ERROR_NOT_FOUND, false, false},
    {COMPONENT_DOCKER, ERROR_IMAGE_MISSING, false, false},
    {COMPONENT_DOCKER, ERROR_DOCKER_START_TIMEOUT, false, false},
};

static void every_cause_is_somebodys_doing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s %s\n", error_component_name(cases[i].component), error_code_slug(cases[i].code));
        assert_int_equal(fault_is_own(cases[i].component, cases[i].code), cases[i].own);
        const struct kept_error problem = {.component = cases[i].component, .code = cases[i].code};
        assert_int_equal(fault_is_passing(&problem), cases[i].passing);
    }
    assert_false(fault_is_passing(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_is_somebodys_doing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
