/* What a `.dockerignore` leaves out of a build context. */
#include "prepare/job/ignore_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ignore_rules *read_rules(const char *text)
{
    struct ignore_rules *rules = NULL;
    unsigned line = 0;
    const char *problem = "";
    assert_int_equal(ignore_rules_read(text, strlen(text), &rules, &line, &problem), 0);
    return rules;
}

/* Paths, ended by NULL, that the rules leave out, and others that they do not. */
static void expect(const char *text, const char *const *out, const char *const *in)
{
    struct ignore_rules *rules = read_rules(text);
    for (; *out; out++) {
        if (!ignore_rules_match(rules, *out))
            fail_msg("%s is not left out by: %s", *out, text);
    }
    for (; *in; in++) {
        if (ignore_rules_match(rules, *in))
            fail_msg("%s is left out by: %s", *in, text);
    }
    ignore_rules_destroy(rules);
}

#define PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE       ((const char *const[]){NULL})

static void test_names(void **state)
{
    (void)state;
    expect("", NONE, PATHS("a", "a/b"));
    expect("a", PATHS("a", "a/b", "a/b/c"), PATHS("ab", "b/a", "b"));
    expect("a/b", PATHS("a/b", "a/b/c"), PATHS("a", "b", "a/bc"));
    expect("/a/\n./b//c/.\nx/../d\n", PATHS("a", "b/c", "d", "d/e"), PATHS("b", "x", "c"));
    expect("  a b \t\r\n", PATHS("a b"), PATHS("a", "b"));
    expect(".\n/\n..\n", NONE, PATHS("a", "..a"));
    expect("\xef\xbb\xbf"
           "a",
           PATHS("a"), NONE);
}

static void test_comments(void **state)
{
    (void)state;
    expect("#a\n\n #b\n", PATHS("#b"), PATHS("#a", "a", "b"));
}

static void test_wildcards(void **state)
{
    (void)state;
    expect("*.log", PATHS("a.log", ".log", "a.log/b"), PATHS("b/a.log", "a.logs"));
    expect("*/temp*", PATHS("a/temp", "a/temporary/b"), PATHS("temp", "a/b/temp"));
    expect("a?c", PATHS("abc"), PATHS("ac", "a/c"));
    expect("[a-c]x\n[^a-c]y\n[]]z\n[\\]]w", PATHS("ax", "cx", "dy", "]z", "]w"),
           PATHS("dx", "ay", "/y", "z"));
    expect("\\*\n\\#a\n\\!b\na.b$(c)", PATHS("*", "#a", "!b", "a.b$(c)"), PATHS("x", "axb$(c)"));
    expect("*", PATHS("a", "a/b", ".c"), NONE);
}

static void test_any_folders(void **state)
{
    (void)state;
    expect("**/a", PATHS("a", "x/a", "x/y/a", "x/a/b"), PATHS("xa", "x/ya"));
    expect("**/*.go", PATHS("a.go", "x/y/a.go"), PATHS("a.goo"));
    expect("a/**", PATHS("a/b", "a/b/c"), PATHS("b/a"));
    expect("a/**/z", PATHS("a/z", "a/b/z", "a/b/c/z"), PATHS("a/bz", "z"));
    expect("**", PATHS("a", "a/b"), NONE);
    expect("a**b", PATHS("ab", "ax/b"), PATHS("axb"));
}

static void test_exceptions(void **state)
{
    (void)state;
    expect("*.md\n!README.md\n", PATHS("a.md"), PATHS("README.md"));
    expect("*.md\n!README*.md\nREADME-secret.md\n", PATHS("a.md", "README-secret.md"), PATHS("README.md"));
    expect("!README.md\n*.md\n", PATHS("README.md"), NONE);
    expect("a\n! a/keep\n", PATHS("a", "a/b"), PATHS("a/keep", "a/keep/b"));
    expect("**\n!src/**/*.c\n", PATHS("x", "src/a.h", "src"), PATHS("src/a.c", "src/b/c.c"));
    struct ignore_rules *rules = read_rules("a\n!b\n");
    assert_true(ignore_rules_take_back(rules));
    ignore_rules_destroy(rules);
    rules = read_rules("a\n");
    assert_false(ignore_rules_take_back(rules));
    ignore_rules_destroy(rules);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        unsigned line;
    } rows[] = {
        {"a\n!\n", "nothing stands behind its \"!\"", 2},
        {"[a-\n", "its bracket is not closed", 1},
        {"\n\na\\", "nothing stands behind its backslash", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ignore_rules *rules = NULL;
        unsigned line = 0;
        const char *problem = "";
        assert_int_equal(ignore_rules_read(rows[i].text, strlen(rows[i].text), &rules, &line, &problem), -1);
        assert_null(rules);
        assert_int_equal(line, rows[i].line);
        assert_string_equal(problem, rows[i].problem);
    }
    expect("\\[a", PATHS("[a"), NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_comments),
        cmocka_unit_test(test_wildcards),  cmocka_unit_test(test_any_folders),
        cmocka_unit_test(test_exceptions), cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
