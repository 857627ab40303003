#include "base/json.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(json_t *json, const char *expected)
{
    assert_non_null(json);
    if (expected)
        assert_string_equal(json_string_value(json), expected);
    else
        assert_true(json_is_null(json));
    json_decref(json);
}

static void test_texts_of_any_bytes(void **state)
{
    (void)state;
    assert_text(json_text("grün"), "grün");
    assert_text(json_text("gr\xfcn"), "gr?n");
    assert_text(json_text(""), "");
    assert_text(json_text(NULL), NULL);
    assert_text(json_text_cut(NULL, 4), NULL);
    assert_text(json_text_cut("abcdef", 4), "abcd");
    /* The cut is in the middle of a character. */
    assert_text(json_text_cut("abcü", 4), "abc?");
}

static void test_error(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_PLUGIN_LOAD, "entry %s is missing", "gr\xfcn");
    json_t *json = json_error(&err);
    assert_string_equal(json_string_value(json_object_get(json, "component")), "plugin");
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "plugin-load");
    assert_string_equal(json_string_value(json_object_get(json, "message")), "entry gr?n is missing");
    assert_string_equal(json_string_value(json_object_get(json, "hint")), "");
    json_decref(json);
}

static void test_reading_of_texts(void **state)
{
    (void)state;
    json_t *json =
        json_pack("{s:[s, s], s:[s, i], s:n, s:s}", "good", "a", "b", "mixed", "a", 1, "null", "text", "a");
    char **texts = NULL;
    size_t count = 0;
    assert_int_equal(json_texts_read(json_object_get(json, "good"), &texts, &count), 0);
    assert_int_equal(count, 2);
    assert_string_equal(texts[1], "b");
    assert_null(texts[2]);
    texts_free(texts);
    assert_int_equal(json_texts_read(json_object_get(json, "null"), &texts, &count), 0);
    assert_int_equal(count, 0);
    assert_null(texts[0]);
    texts_free(texts);
    assert_int_equal(json_texts_read(json_object_get(json, "mixed"), &texts, NULL), -1);
    assert_int_equal(json_texts_read(json_object_get(json, "text"), &texts, NULL), -1);
    char *copy = json_text_copy(json, "text");
    assert_string_equal(copy, "a");
    free(copy);
    assert_null(json_text_copy(json, "good"));
    assert_null(json_text_copy(json, "missing"));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_of_any_bytes),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_reading_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
