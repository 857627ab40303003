/* Files of environment variables: what is read of them, and what is said of lines that are none. */
#include "config/dotenv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value;
    } rows[] = {
        {"A=1", "A", "1"},
        {"\xef\xbb\xbf"
         "A=1",
         "A", "1"},
        {"\n# a comment\n  A_1 = one two \t\r\n", "A_1", "one two"},
        {"export A=1", "A", "1"},
        {"export=1", "export", "1"},
        {"A=", "A", ""},
        {"A= # nothing", "A", ""},
        {"A=a#b # c", "A", "a#b"},
        {"A=x=y", "A", "x=y"},
        {"A='it is $HOME \\n \" # so'", "A", "it is $HOME \\n \" # so"},
        {"A='two\nlines' # comment", "A", "two\nlines"},
        {"A=\"\\n\\t\\r\\\\\\\"\\$ \\x 'q'\"", "A", "\n\t\r\\\"$ \\x 'q'"},
        {"A=\"\"", "A", ""},
        {"A=${B}", "A", "${B}"},
        {"A=f\xc3\xbcr", "A", "f\xc3\xbcr"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dotenv file;
        struct dotenv_entry entry;
        dotenv_init(&file, rows[i].text, strlen(rows[i].text));
        if (!dotenv_next(&file, &entry) || entry.problem)
            fail_msg("%s: %s", rows[i].text, entry.problem ? entry.problem : "nothing");
        assert_string_equal(entry.name, rows[i].name);
        assert_string_equal(entry.value, rows[i].value);
        free(entry.name);
        free(entry.value);
        assert_false(dotenv_next(&file, &entry));
    }
}

static void mistakes_have_their_places_and_the_rest_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        unsigned line, column;
    } rows[] = {
        {"A=1\n 1A=2\nB=3", "this is no NAME=value", 2, 4},
        {"A=1\n-\nB=3", "this is no NAME=value", 2, 1},
        {"A=1\nNAME\nB=3", "there is no \"=\" behind the name", 2, 5},
        {"A=1\nN=\"x\" y\nB=3", "something stands behind the closing quotes", 2, 7},
        {"A=1\n\nN='x\nB=3", "the quotes are not closed", 3, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dotenv file;
        struct dotenv_entry entry;
        unsigned good = 0, bad = 0;
        dotenv_init(&file, rows[i].text, strlen(rows[i].text));
        while (dotenv_next(&file, &entry)) {
            if (entry.problem) {
                assert_string_equal(entry.problem, rows[i].problem);
                assert_int_equal(entry.at.line, rows[i].line);
                assert_int_equal(entry.at.column, rows[i].column);
                assert_null(entry.value);
            }
            good += !entry.problem;
            bad += entry.problem != NULL;
            free(entry.name);
            free(entry.value);
        }
        assert_int_equal(bad, 1);
        assert_int_equal(good, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(mistakes_have_their_places_and_the_rest_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
