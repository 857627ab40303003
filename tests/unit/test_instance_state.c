/* Which state of an instance may follow which: the whole table. */
#include "fleet/instance/instance_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A row for each state, a column for each that it may lead to, in the order of the enum. */
static const char *const expected[INSTANCE_STATES] = {
    [INSTANCE_CREATING] = ".S.....R", [INSTANCE_STARTING] = "..PLr.FR", [INSTANCE_PREWARMED] = "...L..FR",
    [INSTANCE_LOADING] = "....r.FR",  [INSTANCE_READY] = ".....DFR",    [INSTANCE_DRAINING] = "......FR",
    [INSTANCE_FAILED] = ".......R",   [INSTANCE_REMOVING] = "........",
};

static void states_follow_as_they_should(void **state)
{
    (void)state;
    for (unsigned from = 0; from < INSTANCE_STATES; from++) {
        for (unsigned to = 0; to < INSTANCE_STATES; to++) {
            bool wanted = expected[from][to] != '.';
            if (instance_state_leads_to(from, to) != wanted)
                fail_msg("%s to %s: %s expected", instance_state_name(from), instance_state_name(to),
                         wanted ? "allowed" : "forbidden");
        }
    }
}

/* No state is left and come back to, whatever the way: a life goes in one direction. */
static void nothing_leads_back(void **state)
{
    (void)state;
    for (unsigned from = 0; from < INSTANCE_STATES; from++) {
        for (unsigned to = 0; to <= from; to++)
            assert_false(instance_state_leads_to(from, to));
    }
}

static void every_state_has_a_name_and_a_way_to_the_end(void **state)
{
    (void)state;
    for (unsigned from = 0; from < INSTANCE_REMOVING; from++) {
        assert_non_null(instance_state_name(from));
        assert_true(instance_state_leads_to(from, INSTANCE_REMOVING));
    }
    assert_string_equal(instance_state_name(INSTANCE_REMOVING), "removing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_follow_as_they_should),
        cmocka_unit_test(nothing_leads_back),
        cmocka_unit_test(every_state_has_a_name_and_a_way_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
