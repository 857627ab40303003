#include "fleet/output/output_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct output_line parsed(const char *text)
{
    struct output_line line;
    output_line_parse(text, strlen(text), &line);
    assert_int_equal(strlen(line.text), line.length);
    return line;
}

static void expect(const char *text, const char *id, const char *rest)
{
    struct output_line line = parsed(text);
    assert_string_equal(line.request_id, id);
    assert_string_equal(line.text, rest);
}

static void test_marked_lines(void **state)
{
    (void)state;
    expect("\x1e"
           "abc\x1ehello",
           "abc", "hello");
    expect("\x1e"
           "abc\x1e",
           "abc", "");
    expect("\x1e\x1ehello", "", "hello");
    expect("\x1e"
           "abc\x1e\x1e"
           "def\x1e",
           "abc",
           "\x1e"
           "def\x1e");
}

static void test_lines_that_go_on(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rest;
        bool goes_on;
    } cases[] = {
        {"", "", false},
        {"whole", "whole", false},
        {"half\x1e", "half", true},
        {"\x1e"
         "abc\x1e",
         "", false},
        {"\x1e"
         "abc\x1ehalf\x1e",
         "half", true},
        {"\x1e", "", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct output_line line = parsed(cases[i].text);
        assert_int_equal(output_line_take_end(&line), cases[i].goes_on);
        assert_int_equal(line.length, strlen(cases[i].rest));
        assert_memory_equal(line.text, cases[i].rest, line.length);
    }
}

static void test_other_lines(void **state)
{
    (void)state;
    expect("", "", "");
    expect("hello", "", "hello");
    expect("\x1ehello", "", "\x1ehello");
    expect("\x1e", "", "\x1e");
    expect("hello \x1e"
           "abc\x1e",
           "",
           "hello \x1e"
           "abc\x1e");
}

static void test_length_of_an_id(void **state)
{
    (void)state;
    char text[200] = "\x1e";
    memset(text + 1, 'a', 128);
    strncat(text, "\x1ehello", 10);
    struct output_line line = parsed(text);
    assert_int_equal(strlen(line.request_id), 128);
    assert_string_equal(line.text, "hello");
    memset(text + 1, 'a', 129);
    text[130] = OUTPUT_LINE_MARK;
    line = parsed(text);
    assert_string_equal(line.request_id, "");
    assert_ptr_equal(line.text, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marked_lines),
        cmocka_unit_test(test_lines_that_go_on),
        cmocka_unit_test(test_other_lines),
        cmocka_unit_test(test_length_of_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
