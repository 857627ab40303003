/* What others are told of a call that has ended. */
#include "calls/call_report.h"

#include "base/alloc.h"
#include "calls/call_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void headers_are_found(void **state)
{
    (void)state;
    static const char head[] =
        "Content-Type: text/a\r\nX-Content-Type: b\r\ncontent-type:c\r\nEmpty:\r\nTight:d\r\n";
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"content-type", "text/a"}, {"X-Content-Type", "b"}, {"empty", ""}, {"Tight", "d"}, {"Tigh", NULL},
        {"Content", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *value = call_head_find(head, cases[i].name);
        if (cases[i].value)
            assert_string_equal(value, cases[i].value);
        else
            assert_null(value);
        free(value);
    }
    assert_null(call_head_find(NULL, "a"));
    assert_null(call_head_find("", "a"));
}

static void heads_are_split_into_lines(void **state)
{
    (void)state;
    char **lines = call_head_split("A: b\r\nC:\r\n");
    assert_string_equal(lines[0], "A: b");
    assert_string_equal(lines[1], "C:");
    assert_null(lines[2]);
    texts_free(lines);
    lines = call_head_split("");
    assert_null(lines[0]);
    texts_free(lines);
}

static const struct call_ended done = {.id = "0123456789abcdef0123456789abcdef",
                                       .function = "hello",
                                       .status = 201,
                                       .result_head =
                                           "Content-Type: text/x\r\nContent-Encoding: gzip\r\nX-A: b\r\n",
                                       .result = {.bytes = "made", .size = 4},
                                       .accepted_ms = 1700000000123,
                                       .run_ms = 1500};

static void a_result_is_told_as_it_is(void **state)
{
    (void)state;
    struct call_report report;
    cleanup_strbuf struct strbuf callback, function;
    strbuf_init(&callback, 4096);
    strbuf_init(&function, 4096);
    call_report_make(&done, &report);
    assert_memory_equal(report.body.bytes, "made", 4);
    assert_int_equal(report.body.size, 4);
    call_report_callback_head(&report, &done, &callback);
    assert_string_equal(strbuf_text(&callback),
                        "Content-Type: text/x\r\nContent-Encoding: gzip\r\nX-Function-Name: hello\r\n"
                        "X-Function-Status: 201\r\nX-Call-Id: 0123456789abcdef0123456789abcdef\r\n"
                        "X-Duration-Seconds: 1.500000\r\nX-Start-Time: 1700000000123000000\r\n");
    call_report_function_head(&report, &done, &function);
    assert_string_equal(
        strbuf_text(&function),
        "Content-Type: text/x\r\nContent-Encoding: gzip\r\nX-Function-Name: hello\r\n"
        "X-Function-Status: 201\r\nX-Berth-Origin-Call: 0123456789abcdef0123456789abcdef\r\n");
    call_report_clear(&report);
}

static void where_there_is_no_result_it_is_told_why(void **state)
{
    (void)state;
    struct call_ended end = {
        .id = done.id, .function = "hello", .reason = "max-age", .message = "too \"old\""};
    struct call_report report;
    cleanup_strbuf struct strbuf head;
    strbuf_init(&head, 4096);
    call_report_make(&end, &report);
    assert_int_equal(report.status, 503);
    assert_string_equal(
        report.body.bytes,
        "{\"error\":{\"component\":\"calls\",\"reason\":\"max-age\",\"message\":\"too \\\"old\\\"\","
        "\"call_id\":\"0123456789abcdef0123456789abcdef\"}}");
    assert_int_equal(report.body.size, strlen(report.body.bytes));
    call_report_function_head(&report, &end, &head);
    assert_non_null(strstr(strbuf_text(&head), "Content-Type: application/json\r\n"));
    call_report_clear(&report);
}

static void a_result_without_a_type_has_none(void **state)
{
    (void)state;
    struct call_ended end = {.id = done.id, .function = "hello", .status = 204, .result_head = ""};
    struct call_report report;
    cleanup_strbuf struct strbuf head;
    strbuf_init(&head, 4096);
    call_report_make(&end, &report);
    call_report_callback_head(&report, &end, &head);
    assert_null(strstr(strbuf_text(&head), "Content-"));
    assert_int_equal(report.body.size, 0);
    call_report_clear(&report);
}

static void a_result_that_was_cut_says_so(void **state)
{
    (void)state;
    char function[] = "hello", result_head[] = "Content-Type: text/x\r\n", result[] = "ma";
    const struct call_record record = {.function = function,
                                       .status = 200,
                                       .result_head = result_head,
                                       .result = result,
                                       .result_size = 2,
                                       .result_cut = true};
    const struct call_ended end = call_ended_of(&record);
    struct call_report report;
    cleanup_strbuf struct strbuf to_receiver, to_function;
    strbuf_init(&to_receiver, 4096);
    strbuf_init(&to_function, 4096);
    call_report_make(&end, &report);
    call_report_callback_head(&report, &end, &to_receiver);
    call_report_function_head(&report, &end, &to_function);
    assert_non_null(strstr(strbuf_text(&to_receiver), "\r\nX-Result-Cut: true\r\n"));
    assert_non_null(strstr(strbuf_text(&to_function), "\r\nX-Result-Cut: true\r\n"));
    call_report_clear(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(heads_are_split_into_lines),
        cmocka_unit_test(a_result_is_told_as_it_is),
        cmocka_unit_test(where_there_is_no_result_it_is_told_why),
        cmocka_unit_test(a_result_without_a_type_has_none),
        cmocka_unit_test(a_result_that_was_cut_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
