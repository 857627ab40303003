/* What is said of a container is what the request for it says. */
#include "fleet/engine/container_grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static json_t *grants_of(const char *request)
{
    json_error_t problem;
    json_t *json = json_loads(request, 0, &problem);
    assert_non_null(json);
    json_t *grants = container_grants(json);
    json_decref(json);
    return grants;
}

static void assert_member(const json_t *grants, const char *member, const char *expected)
{
    char *text = json_dumps(json_object_get(grants, member), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void walls_are_those_that_are_asked_for(void **state)
{
    (void)state;
    json_t *grants =
        grants_of("{\"Image\": \"i\", \"User\": \"1:2\", \"HostConfig\": {\"CapDrop\": [\"ALL\"],"
                  "\"SecurityOpt\": [\"no-new-privileges:true\", \"seccomp={}\"],"
                  "\"ReadonlyRootfs\": true, \"Memory\": 10, \"MemorySwap\": 10,"
                  "\"NanoCpus\": 500000000, \"Ulimits\": [{\"Name\": \"core\", \"Hard\": 1}]}}");
    assert_member(grants, "user", "\"1:2\"");
    assert_member(grants, "capabilities", "[]");
    assert_member(grants, "may_gain_privileges", "false");
    assert_member(grants, "seccomp", "\"own\"");
    assert_member(grants, "root_read_only", "true");
    assert_member(grants, "swap_bytes", "0");
    assert_member(grants, "cpus", "0.5");
    assert_member(grants, "core_bytes", "1");
    assert_member(grants, "others", "[]");
    json_decref(grants);
}

/* Nothing is taken for a wall that is not in the request. */
static void a_request_without_walls_has_none(void **state)
{
    (void)state;
    json_t *grants = grants_of("{\"Image\": \"i\", \"HostConfig\": {}}");
    assert_member(grants, "user", "null");
    assert_member(grants, "capabilities", "null");
    assert_member(grants, "may_gain_privileges", "true");
    assert_member(grants, "seccomp", "\"engine\"");
    assert_member(grants, "root_read_only", "null");
    assert_member(grants, "memory_bytes", "null");
    assert_member(grants, "swap_bytes", "null");
    assert_member(grants, "pids", "null");
    assert_member(grants, "core_bytes", "null");
    json_decref(grants);
}

static void capabilities_that_are_added_are_named(void **state)
{
    (void)state;
    json_t *grants = grants_of("{\"HostConfig\": {\"CapDrop\": [\"ALL\"], \"CapAdd\": [\"NET_ADMIN\"]}}");
    assert_member(grants, "capabilities", "[\"NET_ADMIN\"]");
    json_decref(grants);
}

static void mounts_are_named_by_what_is_there(void **state)
{
    (void)state;
    json_t *grants =
        grants_of("{\"HostConfig\": {\"Mounts\": ["
                  "{\"Target\": \"/berth/dependencies/x\", \"Source\": \"/s\", \"ReadOnly\": true},"
                  "{\"Target\": \"/berth/code\", \"Source\": \"/s\", \"ReadOnly\": true},"
                  "{\"Target\": \"/berth/codes\", \"Source\": \"/s\", \"ReadOnly\": false}]}}");
    static const char *const holds[] = {"dependencies", "code", "volume"};
    const json_t *mount;
    size_t i;
    json_array_foreach(json_object_get(grants, "mounts"), i, mount)
        assert_string_equal(json_string_value(json_object_get(mount, "holds")), holds[i]);
    assert_int_equal(i, 3);
    json_decref(grants);
}

/* So none of what is added to the request one day can be left out by mistake. */
static void what_no_word_stands_for_is_named(void **state)
{
    (void)state;
    json_t *grants = grants_of("{\"Volumes\": {}, \"HostConfig\": {\"Devices\": [], \"Tmpfs\": {}}}");
    assert_member(grants, "others", "[\"Volumes\",\"Devices\"]");
    json_decref(grants);
}

static void values_of_variables_are_left_out(void **state)
{
    (void)state;
    json_t *grants = grants_of("{\"Env\": [\"A=secret=x\", \"B=\"], \"HostConfig\": {}}");
    assert_member(grants, "environment", "[\"A\",\"B\"]");
    json_decref(grants);
    assert_null(container_grants(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walls_are_those_that_are_asked_for),
        cmocka_unit_test(a_request_without_walls_has_none),
        cmocka_unit_test(capabilities_that_are_added_are_named),
        cmocka_unit_test(mounts_are_named_by_what_is_there),
        cmocka_unit_test(what_no_word_stands_for_is_named),
        cmocka_unit_test(values_of_variables_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
