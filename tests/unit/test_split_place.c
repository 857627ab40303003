/* Whom the first bytes of a connection of the management port are for. */
#include "admin/split_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *bytes, enum split_place place)
{
    assert_int_equal(split_place_of(bytes, strlen(bytes)), place);
}

static void functions_are_told_apart(void **state)
{
    (void)state;
    check("GET /function/x HTTP/1.1\r\n", SPLIT_FUNCTION);
    check("PROPFIND /function/", SPLIT_FUNCTION);
    check("POST /async-function/x", SPLIT_FUNCTION);
    check("DELETE /async/x", SPLIT_FUNCTION);
    check("GET /function", SPLIT_OPEN);
    check("GET /async", SPLIT_OPEN);
    check("GET /async-", SPLIT_OPEN);
    check("GET /async-function", SPLIT_OPEN);
    check("GET /f", SPLIT_OPEN);
    check("GET ", SPLIT_OPEN);
    check("GE", SPLIT_OPEN);
    check("", SPLIT_OPEN);
}

static void everything_else_is_the_servers(void **state)
{
    (void)state;
    check("GET /system/functions HTTP/1.1\r\n", SPLIT_ADMIN);
    check("GET /functions/x", SPLIT_ADMIN);
    check("GET /function?x", SPLIT_ADMIN);
    check("GET  /function/x", SPLIT_ADMIN);
    check("GET http://x/function/x", SPLIT_ADMIN);
    check("POST /async-functions/x", SPLIT_ADMIN);
    check("GET /async?x", SPLIT_ADMIN);
    check("a-method-that-is-longer-than-any-other /function/x", SPLIT_ADMIN);
    check("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SPLIT_ADMIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_told_apart),
        cmocka_unit_test(everything_else_is_the_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
