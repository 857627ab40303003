/* The table of errors: names that are one of a kind, and are found again. */
#include "base/error_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SLUG_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

static bool is_slug(const char *text)
{
    return *text && strspn(text, SLUG_CHARACTERS) == strlen(text) && *text != '-' &&
           text[strlen(text) - 1] != '-' && !strstr(text, "--");
}

static void codes_are_well_formed(void **state)
{
    (void)state;
    for (int code = ERROR_NONE + 1; code < ERROR_CODE_COUNT; code++) {
        if (!is_slug(error_code_slug(code)))
            fail_msg("no slug: \"%s\"", error_code_slug(code));
        assert_in_range(error_code_status(code), 400, 599);
        assert_in_range(error_code_class(code), ERROR_CLASS_PASSING, ERROR_CLASS_INTERNAL);
        assert_in_range(error_code_component(code), COMPONENT_NONE, COMPONENT_COUNT - 1);
    }
    for (int component = COMPONENT_NONE + 1; component < COMPONENT_COUNT; component++)
        assert_true(is_slug(error_component_name(component)));
}

static void assert_found(int component, int code)
{
    enum error_component found_component;
    enum error_code found;
    assert_int_equal(
        error_code_find(error_component_name(component), error_code_slug(code), &found_component, &found), 0);
    assert_int_equal(found_component, component);
    if ((int)found != code)
        fail_msg("%s %s has two rows", error_component_name(component), error_code_slug(code));
}

/* Each is found by its names, which no other has; what several parts meet, of each of them. */
static void codes_are_found_by_their_names(void **state)
{
    (void)state;
    for (int code = ERROR_NONE + 1; code < ERROR_CODE_COUNT; code++) {
        enum error_component own = error_code_component(code);
        int first = own == COMPONENT_NONE ? COMPONENT_NONE + 1 : (int)own;
        int last = own == COMPONENT_NONE ? COMPONENT_COUNT - 1 : (int)own;
        for (int component = first; component <= last; component++)
            assert_found(component, code);
    }
}

static void assert_not_found(const char *component, const char *slug)
{
    enum error_component found_component;
    enum error_code found;
    if (error_code_find(component, slug, &found_component, &found) == 0)
        fail_msg("found: %s %s", component, slug);
}

static void other_names_are_not_found(void **state)
{
    (void)state;
    assert_not_found("gateway", "starting");
    assert_not_found("gateway", "");
    assert_not_found("gateway", "Queue-Full");
    assert_not_found("", "queue-full");
    assert_not_found("", "io");
    assert_not_found("", "");
    assert_not_found("nobody", "io");
}

static void what_is_no_error_has_no_name(void **state)
{
    (void)state;
    assert_string_equal(error_code_slug(ERROR_NONE), "");
    assert_string_equal(error_component_name(COMPONENT_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_well_formed),
        cmocka_unit_test(codes_are_found_by_their_names),
        cmocka_unit_test(other_names_are_not_found),
        cmocka_unit_test(what_is_no_error_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
