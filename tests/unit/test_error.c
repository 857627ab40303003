/* What an error says of itself, within its bounds. */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void errors_are_kept_at_their_size(void **state)
{
    (void)state;
    struct error err, again;
    struct kept_error *kept = NULL;
    error_set(&err, ERROR_REMOVED, "it did %s", "not work");
    error_replace(&kept, &err);
    assert_string_equal(kept->message, "it did not work");
    assert_string_equal(kept->hint, "");
    error_hint(&err, "try again");
    error_replace(&kept, &err);
    struct kept_error *copy = error_keep_again(kept);
    error_replace(&kept, NULL);
    assert_null(kept);
    assert_null(error_keep_again(NULL));
    error_recall(copy, &again);
    assert_int_equal(again.component, COMPONENT_FLEET);
    assert_int_equal(again.code, ERROR_REMOVED);
    assert_string_equal(again.message, "it did not work");
    assert_string_equal(again.hint, "try again");
    free(copy);
}

static void test_error_fills(void **state)
{
    (void)state;
    struct error err;
    memset(&err, 'x', sizeof(err));
    assert_int_equal(error_set(&err, ERROR_QUEUE_FULL, "%d things", 3), -1);
    assert_int_equal(err.component, COMPONENT_GATEWAY);
    assert_int_equal(err.code, ERROR_QUEUE_FULL);
    assert_string_equal(err.message, "3 things");
    assert_string_equal(err.hint, "");
    assert_int_equal(error_hint(&err, "try %s", "again"), -1);
    assert_int_equal(error_prefix(&err, "part %c", 'a'), -1);
    assert_string_equal(err.message, "part a: 3 things");
    assert_string_equal(err.hint, "try again");
    assert_int_equal(error_errno(&err, COMPONENT_FILES, ENOENT, "cannot open %s", "x"), -1);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    assert_int_equal(err.component, COMPONENT_FILES);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.hint, "");
    assert_int_equal(error_set_in(&err, COMPONENT_BUILD, ERROR_EXISTS, "%s is there", "x"), -1);
    assert_int_equal(err.component, COMPONENT_BUILD);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_string_equal(err.message, "x is there");
    assert_int_equal(error_set(NULL, ERROR_QUEUE_FULL, "nobody cares"), -1);
    assert_int_equal(error_set_in(NULL, COMPONENT_BUILD, ERROR_EXISTS, "nobody cares"), -1);
    assert_int_equal(error_prefix(NULL, "nobody cares"), -1);
}

/* A message that is too long loses its end; the prefixes stay. */
static void test_error_truncates(void **state)
{
    (void)state;
    struct error err;
    char text[2000];
    memset(text, 'm', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    error_set(&err, ERROR_QUEUE_FULL, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_prefix(&err, "prefix");
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_memory_equal(err.message, "prefix: mmm", 11);
    error_errno(&err, COMPONENT_FILES, EIO, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_hint(&err, "%s", text);
    assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_kept_at_their_size),
        cmocka_unit_test(test_error_fills),
        cmocka_unit_test(test_error_truncates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
