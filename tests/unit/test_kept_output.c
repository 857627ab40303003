/* The output of a build: all of it, or its beginning and its end. */
#include "prepare/process/kept_output.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void all_of_little_is_kept(void **state)
{
    (void)state;
    struct kept_output output;
    kept_output_init(&output);
    assert_null(kept_output_text(&output));
    assert_string_equal(kept_output_last(&output), "");
    kept_output_add(&output, "one");
    kept_output_add(&output, "");
    kept_output_add(&output, "two");
    assert_string_equal(kept_output_last(&output), "two\n");
    char *text = kept_output_text(&output);
    assert_string_equal(text, "one\n\ntwo\n");
    free(text);
    kept_output_clear(&output);
}

/* Of much, whole lines are left out, and their number is told. */
static void beginning_and_end_of_much_are_kept(void **state)
{
    (void)state;
    struct kept_output output;
    kept_output_init(&output);
    char line[64];
    const size_t lines = 100000;
    for (size_t i = 0; i < lines; i++) {
        snprintf(line, sizeof(line), "line %06zu", i);
        kept_output_add(&output, line);
    }
    char *text = kept_output_text(&output);
    size_t left_out = 0, length = strlen(text), shown = 0;
    assert_true(length > KEPT_OUTPUT_MAX / 2 && length < KEPT_OUTPUT_MAX + 100);
    const char *gap = strstr(text, "\n[... ");
    assert_non_null(gap);
    char *after;
    left_out = strtoul(gap + strlen("\n[... "), &after, 10);
    assert_memory_equal(after, " lines", 6);
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        shown++;
    assert_int_equal(shown - 1 + left_out, lines);
    assert_memory_equal(text, "line 000000\n", 12);
    assert_string_equal(text + length - 12, "line 099999\n");
    assert_string_equal(kept_output_last(&output), "line 099999\n");
    free(text);
    kept_output_clear(&output);
}

static void endless_lines_are_cut(void **state)
{
    (void)state;
    struct kept_output output;
    kept_output_init(&output);
    char *line = xmalloc(2 * KEPT_OUTPUT_MAX);
    memset(line, 'x', 2 * KEPT_OUTPUT_MAX - 1);
    line[2 * KEPT_OUTPUT_MAX - 1] = '\0';
    for (unsigned i = 0; i < 100; i++)
        kept_output_add(&output, line);
    char *text = kept_output_text(&output);
    assert_in_range(strlen(text), KEPT_OUTPUT_MAX / 4, KEPT_OUTPUT_MAX + 100);
    free(text);
    free(line);
    kept_output_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_little_is_kept),
        cmocka_unit_test(beginning_and_end_of_much_are_kept),
        cmocka_unit_test(endless_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
