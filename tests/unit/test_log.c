/* Lines of the log. */
#include "base/log.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `write_lines` with standard error going into a pipe, and gives what it wrote after the time. */
static char *capture(void (*write_lines)(void))
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    write_lines();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    char *text = xcalloc(1, 32768);
    size_t length = 0;
    ssize_t size;
    while ((size = read(ends[0], text + length, 32767 - length)) > 0)
        length += (size_t)size;
    close(ends[0]);
    return text;
}

static void write_fields(void)
{
    struct error err;
    error_set(&err, ERROR_IMAGE_MISSING, "no image");
    errno = 42;
    log_debug("hidden.event", LOG_INT("x", 1));
    log_info("instance.ready", LOG_STR("function", "hello"), LOG_STR("left_out", NULL), LOG_INT("ms", -7),
             LOG_DEC("share", 0.25), LOG_STR("text", "two words \"quoted\"\n\\\x01"), LOG_STR("empty", ""));
    assert_int_equal(errno, 42);
    log_warning("it.failed", LOG_ERR(&err));
    log_error("plain");
}

static void test_log_text(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_TEXT);
    cleanup_free char *lines = capture(write_fields);
    static const char *const expected[] = {
        " info instance.ready function=hello ms=-7 share=0.250 text=\"two words "
        "\\\"quoted\\\"\\n\\\\\\u0001\" "
        "empty=\"\"",
        " warning it.failed component=docker reason=image-missing error=\"no image\"",
        " error plain",
    };
    char *rest = lines, *line;
    for (size_t i = 0; i < 3; i++) {
        line = strsep(&rest, "\n");
        assert_non_null(line);
        assert_int_equal(line[23], 'Z');
        assert_string_equal(line + 24, expected[i]);
    }
    assert_string_equal(rest, "");
}

static void test_log_json(void **state)
{
    (void)state;
    log_configure(LOG_WARNING, LOG_JSON);
    cleanup_free char *lines = capture(write_fields);
    log_configure(LOG_INFO, LOG_TEXT);
    char *rest = lines;
    char *line = strsep(&rest, "\n");
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(line + 33,
                        "\",\"level\":\"warning\",\"event\":\"it.failed\",\"component\":\"docker\","
                        "\"reason\":\"image-missing\",\"error\":\"no image\"}");
    line = strsep(&rest, "\n");
    assert_string_equal(line + 33, "\",\"level\":\"error\",\"event\":\"plain\"}");
    assert_string_equal(rest, "");
}

static void write_long_line(void)
{
    static char text[8 * LOG_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    log_info("long", LOG_STR("before", "kept"), LOG_STR("text", text), LOG_STR("after", "kept"));
}

/* A field that does not fit is left out; the line stays whole. */
static void test_log_line_is_bounded(void **state)
{
    (void)state;
    cleanup_free char *line = capture(write_long_line);
    assert_string_equal(line + 24, " info long before=kept after=kept\n");
}

static void write_odd_bytes(void)
{
    static const char cut[] = {'c', '\xe2', '\x82'};
    log_info("odd", LOG_STR("latin", "caf\xe9"), LOG_STR("both", "\xff \xe2\x82\xac"),
             LOG_BYTES("nul", "a\0b", 3), LOG_BYTES("cut", cut, sizeof(cut)), LOG_BYTES("none", NULL, 0));
}

/* Whatever bytes a text has, the line is UTF-8. */
static void test_log_mends_text(void **state)
{
    (void)state;
    cleanup_free char *line = capture(write_odd_bytes);
    assert_string_equal(line + 24,
                        " info odd latin=caf? both=\"? \xe2\x82\xac\" nul=\"a\\u0000b\" cut=c??\n");
    log_configure(LOG_INFO, LOG_JSON);
    cleanup_free char *json = capture(write_odd_bytes);
    log_configure(LOG_INFO, LOG_TEXT);
    assert_string_equal(json + 33, "\",\"level\":\"info\",\"event\":\"odd\",\"latin\":\"caf?\",\"both\":\"? "
                                   "\xe2\x82\xac\",\"nul\":\"a\\u0000b\",\"cut\":\"c??\"}\n");
}

static void test_log_levels(void **state)
{
    (void)state;
    enum log_level level = LOG_DEBUG;
    assert_int_equal(log_level_parse("warning", &level), 0);
    assert_int_equal(level, LOG_WARNING);
    assert_int_equal(log_level_parse("Warning", &level), -1);
    log_configure(LOG_ERROR, LOG_TEXT);
    assert_false(log_enabled(LOG_WARNING));
    assert_true(log_enabled(LOG_ERROR));
    log_configure(LOG_INFO, LOG_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_text),
        cmocka_unit_test(test_log_json),
        cmocka_unit_test(test_log_line_is_bounded),
        cmocka_unit_test(test_log_mends_text),
        cmocka_unit_test(test_log_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
