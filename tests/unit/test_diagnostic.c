/* Findings: how they are kept, shown and carried between processes. */
#include "config/diagnostic.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char directory[] = "/tmp/berth-test-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    struct error err;
    return fs_remove_tree(directory, &err);
}

static void write_source(const char *bytes)
{
    struct error err;
    assert_int_equal(fs_write_file("source", bytes, strlen(bytes), 0644, &err), 0);
}

static void check_render(const struct diagnostic *item, const char *expected)
{
    cleanup_strbuf struct strbuf out;
    strbuf_init(&out, 65536);
    diagnostic_render(item, &out);
    assert_string_equal(strbuf_text(&out), expected);
}

static struct diagnostic finding(unsigned line, unsigned column)
{
    return (struct diagnostic){
        .severity = SEVERITY_ERROR, .file = "source", .line = line, .column = column, .message = "wrong"};
}

static void test_render_shows_the_source_line(void **state)
{
    (void)state;
    write_source("first\nsecond: 2\r\nlast");
    struct diagnostic item = finding(2, 9);
    item.hint = "try 3";
    check_render(&item, "source:2:9: error: wrong\nsecond: 2\n        ^\n  hint: try 3\n");
    item = finding(3, 4);
    item.severity = SEVERITY_WARNING;
    check_render(&item, "source:3:4: warning: wrong\nlast\n   ^\n");
    item = finding(3, 0);
    item.severity = SEVERITY_NOTE;
    check_render(&item, "source:3: note: wrong\nlast\n");
}

/* The caret stands right below tabs, and characters of several bytes count once. */
static void test_caret_follows_tabs_and_characters(void **state)
{
    (void)state;
    write_source("\xef\xbb\xbf\ta: \xe2\x82\xac\xe2\x82\xac x\n");
    struct diagnostic item = finding(1, 12);
    check_render(&item, "source:1:12: error: wrong\n\ta: \xe2\x82\xac\xe2\x82\xac x\n\t      ^\n");
    write_source("ab");
    item = finding(1, 5);
    check_render(&item, "source:1:5: error: wrong\nab\n    ^\n");
}

static void test_render_without_a_source_line(void **state)
{
    (void)state;
    write_source("only\n");
    struct diagnostic item = finding(7, 1);
    check_render(&item, "source:7:1: error: wrong\n");
    item = finding(1, 1);
    item.file = "no-such-file";
    check_render(&item, "no-such-file:1:1: error: wrong\n");
    item.file = ".";
    check_render(&item, ".:1:1: error: wrong\n");
    item.file = NULL;
    check_render(&item, "error: wrong\n");
    item = finding(0, 0);
    check_render(&item, "source: error: wrong\n");
}

/* A pipe as a file must not make anybody wait. */
static void test_render_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    struct diagnostic item = finding(1, 1);
    item.file = "pipe";
    check_render(&item, "pipe:1:1: error: wrong\n");
}

/* Of a long line the part around the caret is shown, never half a character. */
static void test_render_cuts_long_lines(void **state)
{
    (void)state;
    struct strbuf line, out;
    strbuf_init(&line, 65536);
    strbuf_init(&out, 65536);
    for (int i = 0; i < 1000; i++)
        strbuf_append_text(&line, "\xc3\xa4");
    strbuf_append_text(&line, "!and more");
    write_source(strbuf_text(&line));
    struct diagnostic item = finding(1, 2001);
    diagnostic_render(&item, &out);
    const char *shown = strchr(strbuf_text(&out), '\n') + 1;
    const char *caret = strchr(shown, '\n') + 1;
    assert_memory_equal(shown, "\xc3\xa4\xc3\xa4", 4);
    assert_int_equal(strcspn(shown, "!"), 78);
    assert_string_equal(strchr(shown, '!'), "!and more\n                                       ^\n");
    assert_int_equal(strcspn(caret, "^"), 39);
    strbuf_reset(&out);
    item = finding(1, 1);
    diagnostic_render(&item, &out);
    assert_true(out.length < 250);
    strbuf_clear(&line);
    strbuf_clear(&out);
}

static void test_render_hides_control_characters(void **state)
{
    (void)state;
    write_source("a\x1b[2Jb\n");
    struct diagnostic item = finding(1, 1);
    item.message = "two\nlines \x1b[31m";
    item.hint = "a\x7f";
    check_render(&item, "source:1:1: error: two?lines ?[31m\na?[2Jb\n^\n  hint: a?\n");
}

static void test_lists(void **state)
{
    (void)state;
    struct diagnostics list = {0}, other = {0};
    char function[] = "hello";
    struct diagnostic item = finding(1, 1);
    item.function = function;
    diagnostics_add(&list, &item);
    function[0] = 'j';
    diagnostics_add(&list, &item);
    item.severity = SEVERITY_WARNING;
    diagnostics_add(&list, &item);
    item = finding(1, 1);
    diagnostics_add(&list, &item);
    assert_int_equal(diagnostics_errors(&list, NULL), 3);
    assert_int_equal(diagnostics_errors(&list, "hello"), 1);
    assert_int_equal(diagnostics_errors(&list, "jello"), 1);
    assert_int_equal(diagnostics_errors(&list, "other"), 0);
    diagnostics_add(&other, &item);
    diagnostics_move(&other, &list);
    assert_int_equal(other.count, 5);
    assert_int_equal(list.count, 0);
    assert_string_equal(other.items[1].function, "hello");
    diagnostics_clear(&other);
    diagnostics_clear(&list);
}

static void test_lists_are_bounded(void **state)
{
    (void)state;
    struct diagnostics list = {0}, other = {0};
    struct diagnostic item = finding(1, 1);
    for (int i = 0; i < 1100; i++)
        diagnostics_add(&list, &item);
    diagnostics_add(&other, &item);
    assert_int_equal(list.count, 1000);
    diagnostics_move(&list, &other);
    assert_int_equal(list.count, 1000);
    assert_int_equal(other.count, 0);
    diagnostics_clear(&list);
}

static void test_json_round_trip(void **state)
{
    (void)state;
    struct diagnostic item = finding(3, 4), again;
    item.function = "hello";
    item.hint = "try";
    item.option = "threads";
    json_t *json = diagnostic_to_json(&item);
    cleanup_free char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, "{\"severity\":\"error\",\"function\":\"hello\",\"file\":\"source\",\"line\":3,"
                              "\"column\":4,\"message\":\"wrong\",\"hint\":\"try\","
                              "\"option\":\"threads\"}");
    assert_int_equal(diagnostic_from_json(json, &again), 0);
    assert_int_equal(again.severity, SEVERITY_ERROR);
    assert_string_equal(again.function, "hello");
    assert_string_equal(again.file, "source");
    assert_int_equal(again.line, 3);
    assert_int_equal(again.column, 4);
    assert_string_equal(again.message, "wrong");
    assert_string_equal(again.hint, "try");
    assert_string_equal(again.option, "threads");
    diagnostic_clear(&again);
    json_decref(json);
}

static void test_json_leaves_out_what_is_not_there(void **state)
{
    (void)state;
    struct diagnostic item = {.severity = SEVERITY_NOTE, .message = "bytes \xff"};
    json_t *json = diagnostic_to_json(&item);
    cleanup_free char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, "{\"severity\":\"note\",\"message\":\"bytes ?\"}");
    json_decref(json);
}

static void test_json_of_a_wrong_shape(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"severity\":\"error\"}",
        "{\"message\":\"m\"}",
        "{\"severity\":\"fatal\",\"message\":\"m\"}",
        "{\"severity\":1,\"message\":\"m\"}",
        "{\"severity\":\"error\",\"message\":\"m\",\"line\":-1}",
        "{\"severity\":\"error\",\"message\":\"m\",\"column\":\"1\"}",
        "{\"severity\":\"error\",\"message\":\"m\",\"line\":99999999999}",
        "{\"severity\":\"error\",\"message\":\"m\",\"hint\":[]}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct diagnostic item = finding(8, 9);
        json_t *json = json_loads(texts[i], 0, NULL);
        assert_non_null(json);
        assert_int_equal(diagnostic_from_json(json, &item), -1);
        assert_int_equal(item.line, 8);
        json_decref(json);
    }
    struct diagnostic item;
    assert_int_equal(diagnostic_from_json(NULL, &item), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render_shows_the_source_line),
        cmocka_unit_test(test_caret_follows_tabs_and_characters),
        cmocka_unit_test(test_render_without_a_source_line),
        cmocka_unit_test(test_render_does_not_block),
        cmocka_unit_test(test_render_cuts_long_lines),
        cmocka_unit_test(test_render_hides_control_characters),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_are_bounded),
        cmocka_unit_test(test_json_round_trip),
        cmocka_unit_test(test_json_leaves_out_what_is_not_there),
        cmocka_unit_test(test_json_of_a_wrong_shape),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
