/* Which line of a Dockerfile a step of its build is, and one that the engine names. Each text's steps are as
 * an engine has counted them. */
#include "prepare/image/dockerfile_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The steps as "LINE:COLUMN WORD" one after the other. */
static void expect_steps(const char *text, const char *expected)
{
    char said[512] = "";
    struct dockerfile_place place;
    for (unsigned step = 1; dockerfile_place_of_step(text, strlen(text), step, &place); step++) {
        size_t length = strlen(said);
        snprintf(said + length, sizeof(said) - length, "%s%u:%u %s", length ? ", " : "", place.line,
                 place.column, place.instruction);
    }
    assert_string_equal(said, expected);
}

static void test_steps(void **state)
{
    (void)state;
    expect_steps("", "");
    expect_steps("FROM x", "1:1 FROM");
    expect_steps("\n# note\n  FROM x\r\n\trun y\n", "3:3 FROM, 4:2 run");
    expect_steps("ARG A\nFROM x AS one\nRUN a\n\nFROM x\nCOPY --from=one a b\n",
                 "1:1 ARG, 2:1 FROM, 3:1 RUN, 5:1 FROM, 6:1 COPY");
    expect_steps("FROM x\nONBUILD RUN a\nRUN b\n", "1:1 FROM, 2:1 ONBUILD, 3:1 RUN");
}

static void test_lines_that_go_on(void **state)
{
    (void)state;
    expect_steps("FROM x\nRUN a \\\n  && b \\ \t\n  && c\nRUN d\n", "1:1 FROM, 2:1 RUN, 5:1 RUN");
    expect_steps("FROM x\nRUN a \\\n# note\n  # one more \\\n\n  && b\nRUN c\n",
                 "1:1 FROM, 2:1 RUN, 7:1 RUN");
    expect_steps("FROM x\nLABEL a=b\\\\\nLABEL c=d\n", "1:1 FROM, 2:1 LABEL, 3:1 LABEL");
    expect_steps("FROM x\n \\\nRUN a\nRUN b \\", "1:1 FROM, 3:1 RUN, 4:1 RUN");
}

static void test_directives_stand_first(void **state)
{
    (void)state;
    expect_steps("# syntax = x\n#ESCAPE= `\nFROM x\nRUN a `\n b \\\nRUN c\n", "3:1 FROM, 4:1 RUN, 6:1 RUN");
    expect_steps("# a note\n# escape=`\nFROM x\nRUN a `\nRUN b\n", "3:1 FROM, 4:1 RUN, 5:1 RUN");
    expect_steps("# escape=x\nFROM x\nRUN a x\nRUN b\n", "2:1 FROM, 3:1 RUN, 4:1 RUN");
    expect_steps("\xef\xbb\xbf# escape=`\nFROM x\nRUN a `\n b\n", "2:1 FROM, 3:1 RUN");
}

static void test_lines_that_are_named(void **state)
{
    (void)state;
    static const char text[] = "FROM x\n\nRUN a \\\n  b\n  COPPY a b\n";
    static const struct {
        unsigned line, begins, column;
    } rows[] = {{1, 1, 1}, {2, 3, 1}, {3, 3, 1}, {4, 3, 1}, {5, 5, 3}};
    struct dockerfile_place place;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_true(dockerfile_place_of_line(text, strlen(text), rows[i].line, &place));
        assert_int_equal(place.line, rows[i].begins);
        assert_int_equal(place.column, rows[i].column);
    }
    assert_false(dockerfile_place_of_line(text, strlen(text), 6, &place));
}

static void test_words_of_the_engine(void **state)
{
    (void)state;
    static const struct {
        const char *message, *reason;
        unsigned line;
    } rows[] = {
        {"dockerfile parse error line 7: unknown instruction: RUNN", "unknown instruction: RUNN", 7},
        {"Dockerfile parse error line 12: a", "a", 12},
        {"dockerfile parse error on line 3: a: b", "a: b", 3},
        {"dockerfile parse error line x: a", NULL, 0},
        {"dockerfile parse error line 3", NULL, 0},
        {"dockerfile parse error line 99999999999: a", NULL, 0},
        {"failed to parse Dockerfile: LABEL must have two arguments", NULL, 0},
        {"stat line 3: no such file", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *reason = NULL;
        assert_int_equal(dockerfile_place_named(rows[i].message, &reason), rows[i].line);
        assert_string_equal(reason ? reason : "", rows[i].reason ? rows[i].reason : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_lines_that_go_on),
        cmocka_unit_test(test_directives_stand_first),
        cmocka_unit_test(test_lines_that_are_named),
        cmocka_unit_test(test_words_of_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
