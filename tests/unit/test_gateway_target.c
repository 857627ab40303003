#include "gateway/request_id.h"
#include "gateway/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum target_kind split(const char *target, struct target *ret_target)
{
    static char bytes[512];
    static struct http_header headers[8];
    static const struct http_limits limits = {.head_bytes = sizeof(bytes), .target_bytes = sizeof(bytes)};
    static struct http_head head;
    struct http_head_parser parser;
    int size = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    http_head_parser_init_request(&parser, &head, headers, 8, &limits);
    assert_int_equal(http_head_parse(&parser, bytes, (size_t)size), HTTP_PARSE_DONE);
    return target_split(&head, ret_target);
}

static void check_text(struct http_text got, const char *expected)
{
    assert_int_equal(got.length, strlen(expected));
    assert_memory_equal(got.data, expected, got.length);
}

static void check(const char *target, const char *name, const char *prefix, const char *rest)
{
    struct target got;
    assert_int_equal(split(target, &got), TARGET_FUNCTION);
    check_text(got.name, name);
    check_text(got.prefix, prefix);
    check_text(got.rest, rest);
}

static void test_functions(void **state)
{
    (void)state;
    check("/hello", "hello", "/hello", "");
    check("/hello/", "hello", "/hello", "/");
    check("/hello?a=/b/c", "hello", "/hello", "?a=/b/c");
    check("/hello/a%20b/../c?d=e%2f", "hello", "/hello", "/a%20b/../c?d=e%2f");
    check("/hello.v2/x", "hello.v2", "/hello.v2", "/x");
    check("/function/hello", "hello", "/function/hello", "");
    check("/function/hello/x?y", "hello", "/function/hello", "/x?y");
    check("/function/hello.openfaas-fn/x", "hello", "/function/hello.openfaas-fn", "/x");
    check("/function/hello.other/x", "hello.other", "/function/hello.other", "/x");
    check("/function/.openfaas-fn", ".openfaas-fn", "/function/.openfaas-fn", "");
    check("/function/a.b.openfaas-fn", "a.b", "/function/a.b.openfaas-fn", "");
    check("/function/.x", ".x", "/function/.x", "");
    check("/functions/x", "functions", "/functions", "/x");
    check("http://other:80/hello/x?y", "hello", "/hello", "/x?y");
    check("/hello/.berth", "hello", "/hello", "/.berth");
    check("/hello/.BERTH/x", "hello", "/hello", "/.BERTH/x");
}

static void test_later_ones(void **state)
{
    (void)state;
    struct target got;
    check("/async-function/hello", "hello", "/async-function/hello", "");
    check("/async-function/hello.openfaas-fn/x?y", "hello", "/async-function/hello.openfaas-fn", "/x?y");
    check("/async-functions/x", "async-functions", "/async-functions", "/x");
    check("/function/async", "async", "/function/async", "");
    assert_int_equal(split("/async-function/hello", &got), TARGET_FUNCTION);
    assert_true(got.is_async && !got.by_contract);
    assert_int_equal(split("/function/async-function", &got), TARGET_FUNCTION);
    assert_true(!got.is_async && got.by_contract);
    assert_int_equal(split("/async-function", &got), TARGET_ROOT);
    assert_int_equal(split("/async-function//x", &got), TARGET_ROOT);
    assert_int_equal(split("/async-function/hello/.berth/init", &got), TARGET_RESERVED);
}

static void test_calls(void **state)
{
    (void)state;
    static const char *const rests[] = {"", "/", "/0123", "/0123/result?x", "?x", "/.berth/"};
    for (size_t i = 0; i < sizeof(rests) / sizeof(*rests); i++) {
        char target[64];
        struct target got;
        snprintf(target, sizeof(target), "/async%s", rests[i]);
        assert_int_equal(split(target, &got), TARGET_CALL);
        check_text(got.prefix, "/async");
        check_text(got.rest, rests[i]);
        assert_int_equal(got.name.length, 0);
        assert_false(got.is_async || got.by_contract);
    }
}

static void test_others(void **state)
{
    (void)state;
    struct target got;
    assert_int_equal(split("/", &got), TARGET_ROOT);
    assert_int_equal(split("/?x", &got), TARGET_ROOT);
    assert_int_equal(split("//hello", &got), TARGET_ROOT);
    assert_int_equal(split("/function", &got), TARGET_ROOT);
    assert_int_equal(split("/function/", &got), TARGET_ROOT);
    assert_int_equal(split("http://other", &got), TARGET_ROOT);
    assert_int_equal(split("/hello/.berth/init", &got), TARGET_RESERVED);
    assert_int_equal(split("/function/hello/.berth/init", &got), TARGET_RESERVED);
}

static void test_request_ids(void **state)
{
    (void)state;
    assert_true(request_id_is_sane(HTTP_TEXT("a-B_3.4:/+=@~")));
    assert_false(request_id_is_sane(HTTP_TEXT("")));
    assert_false(request_id_is_sane(HTTP_TEXT("a b")));
    assert_false(request_id_is_sane(HTTP_TEXT("a\"b")));
    assert_false(request_id_is_sane(HTTP_TEXT("\xc3\xa4")));
    char longest[REQUEST_ID_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    assert_true(request_id_is_sane(http_text_make(longest, REQUEST_ID_MAX)));
    assert_false(request_id_is_sane(http_text_make(longest, REQUEST_ID_MAX + 1)));
    char made[REQUEST_ID_MADE];
    request_id_make(made, 0x0123456789abcdef, 1);
    assert_memory_equal(made, "0123456789abcdef0000000000000001", REQUEST_ID_MADE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions), cmocka_unit_test(test_later_ones),  cmocka_unit_test(test_calls),
        cmocka_unit_test(test_others),    cmocka_unit_test(test_request_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
