/* Text that grows to a limit. */
#include "base/strbuf.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_strbuf_grows_to_its_limit(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 100);
    assert_string_equal(strbuf_text(&buf), "");
    for (int i = 0; i < 10; i++)
        assert_int_equal(strbuf_append_format(&buf, "%010d", i), 0);
    assert_int_equal(buf.length, 100);
    assert_false(buf.overflowed);
    assert_int_equal(strbuf_append(&buf, "", 0), 0);
    assert_int_equal(strbuf_append_text(&buf, "x"), -1);
    assert_true(buf.overflowed);
    assert_int_equal(buf.length, 100);
    assert_int_equal(strlen(buf.data), 100);
    strbuf_clear(&buf);
}

/* After an overflow nothing is appended, not even what would fit: the end of the content is known. */
static void test_strbuf_overflow_stays(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 4);
    assert_int_equal(strbuf_append_text(&buf, "abc"), 0);
    assert_int_equal(strbuf_append_format(&buf, "%s", "de"), -1);
    assert_int_equal(strbuf_append_text(&buf, "d"), -1);
    assert_string_equal(strbuf_text(&buf), "abc");
    strbuf_reset(&buf);
    assert_false(buf.overflowed);
    assert_string_equal(strbuf_text(&buf), "");
    assert_int_equal(strbuf_append_text(&buf, "wxyz"), 0);
    strbuf_clear(&buf);
    assert_int_equal(buf.max, 4);
}

static void test_strbuf_steal(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 10);
    cleanup_free char *empty = strbuf_steal(&buf);
    assert_string_equal(empty, "");
    strbuf_append_text(&buf, "mine");
    cleanup_free char *text = strbuf_steal(&buf);
    assert_string_equal(text, "mine");
    assert_int_equal(buf.length, 0);
    assert_null(buf.data);
    strbuf_clear(&buf);
}

static void test_strbuf_keeps_zero_bytes(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf buf;
    strbuf_init(&buf, 10);
    strbuf_append(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf.data, "a\0b", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strbuf_grows_to_its_limit),
        cmocka_unit_test(test_strbuf_overflow_stays),
        cmocka_unit_test(test_strbuf_steal),
        cmocka_unit_test(test_strbuf_keeps_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
