/* Lines of output: how they are shown, and which one says why a build failed. */
#include "prepare/process/cause_line.h"
#include "prepare/process/shown_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *cause_of(struct cause_line *cause, const char *const *lines)
{
    *cause = (struct cause_line){0};
    for (; *lines; lines++)
        cause_line_add(cause, *lines);
    return cause_line_text(cause);
}

static void first_error_is_the_cause(void **state)
{
    (void)state;
    struct cause_line cause;
    static const char *const none[] = {"fetching", "0 errors", "make: *** [all] Error 2", NULL};
    assert_null(cause_of(&cause, none));
    static const char *const apt[] = {"Reading", "E: Unable to locate package no-such", "E: other", "done",
                                      NULL};
    assert_string_equal(cause_of(&cause, apt), "E: Unable to locate package no-such");
    static const char *const npm[] = {"npm warn x", "npm error code E404", "npm error 404 Not Found", NULL};
    assert_string_equal(cause_of(&cause, npm), "npm error code E404");
}

static void compiler_goes_before_the_rest(void **state)
{
    (void)state;
    struct cause_line cause;
    static const char *const lines[] = {
        "error: build failed", "  a.c:1:2: fatal error: no/such.h: No such file", "b.c:1:2: error: x", NULL};
    assert_string_equal(cause_of(&cause, lines), "a.c:1:2: fatal error: no/such.h: No such file");
}

static void last_cause_that_is_named_goes_before_all(void **state)
{
    (void)state;
    struct cause_line cause = {0};
    assert_true(cause_line_add(&cause, CAUSE_LINE_MARK "one"));
    assert_false(cause_line_add(&cause, "a.c:1:2: error: x"));
    assert_string_equal(cause_line_text(&cause), "one");
    assert_true(cause_line_add(&cause, CAUSE_LINE_MARK "two"));
    assert_string_equal(cause_line_text(&cause), "two");
}

static void assert_shown(const char *text, const char *expected)
{
    char *shown = shown_line(text, strlen(text));
    assert_string_equal(shown, expected);
    free(shown);
}

static void line_is_shown_as_a_terminal_would(void **state)
{
    (void)state;
    assert_shown("plain", "plain");
    assert_shown("at 1%\rat 50%\rat 100%\r\r", "at 100%");
    assert_shown("\x1b[91mred\x1b[0m", "red");
    assert_shown("\x1b[1;38:5:9mred\x1b[0m\x1b[K and\x1b]0;title\a more\x1b(", "red and more");
    assert_shown("\x1b[91mat 1%\x1b[0m\r\x1b[91mat 2%\x1b[0m\r", "at 2%");
    assert_shown("cut \x1b", "cut ");
    assert_shown("cut \x1b[31", "cut ");
    assert_shown("https://me:secret@host/", "https://***@host/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_is_the_cause),
        cmocka_unit_test(compiler_goes_before_the_rest),
        cmocka_unit_test(last_cause_that_is_named_goes_before_all),
        cmocka_unit_test(line_is_shown_as_a_terminal_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
