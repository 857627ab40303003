/* What the check of a language writes: lines in the manner of compilers. */
#include "language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct finding parse(const char *text, char line[256])
{
    struct finding finding = {0};
    snprintf(line, 256, "%s", text);
    assert_true(finding_parse(line, &finding));
    return finding;
}

static void check(const char *text, enum berth_severity severity, const char *file, unsigned line,
                  unsigned column, const char *message)
{
    char buffer[256];
    struct finding finding = parse(text, buffer);
    assert_int_equal(finding.severity, severity);
    if (file)
        assert_string_equal(finding.file, file);
    else
        assert_null(finding.file);
    assert_int_equal(finding.line, line);
    assert_int_equal(finding.column, column);
    assert_string_equal(finding.message, message);
}

static void lines_of_compilers(void **state)
{
    (void)state;
    check("a.lua:3:14: error: no", BERTH_SEVERITY_ERROR, "a.lua", 3, 14, "no");
    check("a.lua:3: warning: odd", BERTH_SEVERITY_WARNING, "a.lua", 3, 0, "odd");
    check("lib/a.lua: note: it is so", BERTH_SEVERITY_NOTE, "lib/a.lua", 0, 0, "it is so");
    check("error: nothing is there", BERTH_SEVERITY_ERROR, NULL, 0, 0, "nothing is there");
}

static void odd_names_and_messages(void **state)
{
    (void)state;
    check("a: b.lua:3:14: error: no", BERTH_SEVERITY_ERROR, "a: b.lua", 3, 14, "no");
    check("a:b:3: error: x: warning: y", BERTH_SEVERITY_ERROR, "a:b", 3, 0, "x: warning: y");
    check("a:0: error: no", BERTH_SEVERITY_ERROR, "a:0", 0, 0, "no");
    check("a:99999999999: error: no", BERTH_SEVERITY_ERROR, "a:99999999999", 0, 0, "no");
    check("a:1:2:3: error: no", BERTH_SEVERITY_ERROR, "a:1", 2, 3, "no");
    check(":3: error: no", BERTH_SEVERITY_ERROR, ":3", 0, 0, "no");
}

static void other_lines(void **state)
{
    static const char *const lines[] = {"", "error", "an error: it broke", "a.lua:3: errors: no",
                                        "hint: do it"};
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char line[256];
        struct finding finding;
        snprintf(line, sizeof(line), "%s", lines[i]);
        assert_false(finding_parse(line, &finding));
        assert_string_equal(line, lines[i]);
    }
}

static void texts_are_cleaned(void **state)
{
    char text[] = "a\tb\xff \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xed\xa0\x80 \xc2\x85 \xe2\x82";
    (void)state;
    assert_false(text_is_clean(text));
    text_clean(text);
    assert_string_equal(text, "a?b? \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 ??? ?? ??");
    assert_true(text_is_clean(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_compilers),
        cmocka_unit_test(odd_names_and_messages),
        cmocka_unit_test(other_lines),
        cmocka_unit_test(texts_are_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
