/* The last lines of a container, as errors quote them. */
#include "fleet/output/output_tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct output_tail *tail, const char *text)
{
    output_tail_add(tail, text, strlen(text));
}

static void the_last_line_that_says_something(void **state)
{
    (void)state;
    struct output_tail tail = {0};
    assert_null(output_tail_last(&tail));
    add(&tail, "");
    add(&tail, " \t\r");
    assert_null(output_tail_last(&tail));
    add(&tail, "one");
    add(&tail, "  two");
    add(&tail, "");
    assert_string_equal(output_tail_last(&tail), "  two");
    output_tail_clear(&tail);
    assert_null(output_tail_last(&tail));
    output_tail_clear(&tail);
}

static void old_lines_are_forgotten(void **state)
{
    (void)state;
    struct output_tail tail = {0};
    char text[32];
    for (unsigned i = 0; i < 10 * OUTPUT_TAIL_LINES; i++) {
        snprintf(text, sizeof(text), "line %u", i);
        add(&tail, text);
        assert_string_equal(output_tail_last(&tail), text);
    }
    for (unsigned i = 0; i < OUTPUT_TAIL_LINES; i++)
        add(&tail, "");
    assert_null(output_tail_last(&tail));
    output_tail_clear(&tail);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct output_tail tail = {0};
    char text[3 * OUTPUT_TAIL_WIDTH];
    memset(text, 'x', sizeof(text));
    output_tail_add(&tail, text, sizeof(text));
    assert_int_equal(strlen(output_tail_last(&tail)), OUTPUT_TAIL_WIDTH);
    output_tail_add(&tail, "with\0nul", 8);
    assert_string_equal(output_tail_last(&tail), "with");
    output_tail_clear(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_line_that_says_something),
        cmocka_unit_test(old_lines_are_forgotten),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
