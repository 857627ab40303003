/* What functions write, kept: in order, by function, bounded, and whatever becomes of the files. */
#include "store/log_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/log_folder.h"
#include "store/log_reader.h"
#include "store/log_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(text) ((struct log_text){(text), strlen(text)})

static char folder[] = "/tmp/berth-log-store-XXXXXX";
static char dir[128];

static int begin(void **state)
{
    (void)state;
    fs_remove_tree(dir, NULL);
    return fs_make_dirs(dir, 0700, NULL);
}

static struct log_line line_of(uint64_t time_ns, const char *text)
{
    return (struct log_line){.time_ns = time_ns, .stream = LOG_STDOUT, .text = TEXT(text)};
}

static void add(struct log_store *store, const char *function, uint64_t time_ns, const char *text)
{
    const struct log_line line = line_of(time_ns, text);
    log_store_add(store, function, &line);
}

static struct log_store *open_store(uint64_t max_bytes)
{
    struct log_store *store;
    struct error err;
    if (log_store_open(dir, max_bytes, &store, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

static void expect_next(struct log_reader *reader, const char *function, const char *text)
{
    struct log_line line;
    const char *its;
    assert_true(log_reader_next(reader, &line, &its));
    assert_string_equal(its, function);
    assert_int_equal(line.text.size, strlen(text));
    assert_memory_equal(line.text.bytes, text, strlen(text));
}

static void expect_end(struct log_reader *reader)
{
    struct log_line line;
    const char *function;
    assert_false(log_reader_next(reader, &line, &function));
}

static void line_comes_back_from_its_form(void **state)
{
    (void)state;
    const struct log_line line = {
        .time_ns = 12345,
        .stream = LOG_EVENT,
        .goes_on = true,
        .names = {[LOG_NAME_INSTANCE] = TEXT("abc"), [LOG_NAME_REQUEST] = TEXT("an id")},
        .text = TEXT("what it says")};
    struct log_line back;
    char form[LOG_LINE_MAX];
    size_t size = log_line_write(&line, form);
    for (size_t part = 0; part < size; part++)
        assert_int_equal(log_line_read(form, part, &back), 0);
    assert_int_equal(log_line_read(form, size, &back), size);
    assert_int_equal(back.time_ns, 12345);
    assert_int_equal(back.stream, LOG_EVENT);
    assert_true(back.goes_on && log_line_has(&back, LOG_NAME_INSTANCE, "abc"));
    assert_true(log_line_has(&back, LOG_NAME_REVISION, "") && log_line_has(&back, LOG_NAME_REQUEST, "an id"));
    assert_false(log_line_has(&back, LOG_NAME_REQUEST, "an") ||
                 log_line_has(&back, LOG_NAME_REQUEST, "other"));
    assert_memory_equal(back.text.bytes, "what it says", back.text.size);
    for (size_t i = 0; i < size; i++) {
        form[i] ^= 1;
        assert_true(log_line_read(form, size, &back) <= 0);
        form[i] ^= 1;
    }
}

static void lines_are_read_in_the_order_of_time(void **state)
{
    (void)state;
    struct log_store *store = open_store(1 << 20);
    add(store, "a", 1, "one");
    add(store, "b", 2, "two");
    add(store, "a", 3, "three");
    log_store_close(store);
    struct log_reader *all = log_reader_open(dir, NULL, 0), *only = log_reader_open(dir, "a", 0);
    expect_next(all, "a", "one");
    expect_next(all, "b", "two");
    expect_next(all, "a", "three");
    expect_end(all);
    expect_next(only, "a", "one");
    expect_next(only, "a", "three");
    expect_end(only);
    log_reader_close(all);
    log_reader_close(only);
}

static void reader_goes_on_with_what_comes(void **state)
{
    (void)state;
    struct log_reader *reader = log_reader_open(dir, NULL, 0);
    expect_end(reader);
    for (unsigned round = 0; round < 3; round++) { /* each with a segment of its own */
        struct log_store *store = open_store(1 << 20);
        add(store, "a", 1, "one");
        add(store, "a", 2, "two");
        log_store_close(store);
        expect_end(reader);
        log_reader_look_again(reader);
        expect_next(reader, "a", "one");
        expect_next(reader, "a", "two");
        expect_end(reader);
    }
    log_reader_close(reader);
}

static void oldest_segments_go(void **state)
{
    (void)state;
    const uint64_t max_bytes = 256 << 10;
    struct log_writer *writer = log_writer_create(dir, max_bytes);
    char form[LOG_LINE_MAX], text[32], last[32] = "";
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "line %u", i);
        const struct log_line line = line_of(i, text);
        log_writer_add(writer, i < 50 ? "early" : "late", form, log_line_write(&line, form));
        if (i % 5000 == 49)
            assert_int_equal(log_writer_flush(writer), 0);
    }
    assert_int_equal(log_writer_flush(writer), 0);
    assert_in_range(log_segments_prune(dir, UINT64_MAX), max_bytes / 2, max_bytes);
    log_writer_destroy(writer);
    struct log_reader *reader = log_reader_open(dir, NULL, 0);
    struct log_line line;
    const char *function;
    unsigned count = 0;
    while (log_reader_next(reader, &line, &function)) {
        assert_string_equal(function, "late");
        snprintf(last, sizeof(last), "%.*s", (int)line.text.size, line.text.bytes);
        count++;
    }
    assert_string_equal(last, "line 19999");
    assert_in_range(count, 1000, 19000);
    log_reader_close(reader);
}

static void torn_line_ends_its_segment_only(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct log_store *store = open_store(1 << 20);
    add(store, "a", 1, "one");
    add(store, "a", 2, "two");
    log_store_close(store);
    log_segment_path(path, dir, "a", log_segment_newest(dir, "a"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 1), 0);
    struct log_reader *reader = log_reader_open(dir, "a", 0);
    expect_next(reader, "a", "one");
    expect_end(reader);
    store = open_store(1 << 20);
    add(store, "a", 3, "three");
    log_store_close(store);
    log_reader_look_again(reader);
    expect_next(reader, "a", "three");
    expect_end(reader);
    log_reader_close(reader);
}

/* Somebody else's hand; behind the last number there would be none for the next segment. */
static void names_that_are_no_segments_are_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {"4294967294.log", "4294967295.log", "-1.log",
                                        "+7.log",         " 8.log",         "9.log"};
    struct log_store *store = open_store(1 << 20);
    add(store, "a", 1, "one");
    log_store_close(store);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/a/%s", dir, names[i]);
        assert_int_equal(fs_write_file(path, "no lines", 8, 0600, NULL), 0);
    }
    store = open_store(1 << 20);
    add(store, "a", 2, "two");
    log_store_close(store);
    struct log_reader *reader = log_reader_open(dir, "a", 0);
    expect_next(reader, "a", "one");
    expect_next(reader, "a", "two");
    expect_end(reader);
    log_reader_close(reader);
}

static void more_than_the_queue_takes_is_dropped_and_counted(void **state)
{
    (void)state;
    struct log_store *store = open_store(64 << 20);
    cleanup_free char *text = xcalloc(1, LOG_LINE_TEXT_MAX + 1);
    memset(text, 'x', LOG_LINE_TEXT_MAX);
    unsigned added = 0;
    for (; added < 100000 && log_store_dropped(store) == 0; added++)
        add(store, "a", added, text);
    uint64_t dropped = log_store_dropped(store);
    assert_true(dropped > 0);
    log_store_close(store);
}

static void nothing_is_kept_by_no_store(void **state)
{
    (void)state;
    add(NULL, "a", 1, "one");
    assert_int_equal(log_store_dropped(NULL), 0);
    log_store_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(line_comes_back_from_its_form, begin),
        cmocka_unit_test_setup(lines_are_read_in_the_order_of_time, begin),
        cmocka_unit_test_setup(reader_goes_on_with_what_comes, begin),
        cmocka_unit_test_setup(oldest_segments_go, begin),
        cmocka_unit_test_setup(torn_line_ends_its_segment_only, begin),
        cmocka_unit_test_setup(names_that_are_no_segments_are_passed_over, begin),
        cmocka_unit_test_setup(more_than_the_queue_takes_is_dropped_and_counted, begin),
        cmocka_unit_test_setup(nothing_is_kept_by_no_store, begin),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(dir, sizeof(dir), "%s/logs", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fs_remove_tree(folder, NULL);
    return failed;
}
