/* Records in a mapped file: the newest take the place of the oldest, and what is not whole is left out. */
#include "store/record_file.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RING RECORD_FILE_MIN

static char folder[] = "/tmp/berth-record-file-XXXXXX";
static char path[128];
static struct record_file *file;

static void open_file(void)
{
    struct error err;
    if (record_file_open(path, RING, &file, &err) < 0)
        fail_msg("%s", err.message);
}

static void open_again(void)
{
    record_file_close(file);
    open_file();
}

static int begin(void **state)
{
    (void)state;
    unlink(path);
    open_file();
    return 0;
}

static int end(void **state)
{
    (void)state;
    record_file_close(file);
    return 0;
}

/* What a visit has seen: the numbers that the records begin with, newest first. */
struct seen {
    unsigned numbers[4096];
    unsigned count, limit;
};

static bool see(const void *bytes, size_t size, void *context)
{
    struct seen *seen = context;
    assert_true(size >= sizeof(unsigned));
    memcpy(&seen->numbers[seen->count++], bytes, sizeof(unsigned));
    return seen->count != seen->limit;
}

static void add(const char *key, unsigned number, size_t size)
{
    char bytes[RING] = {0};
    memcpy(bytes, &number, sizeof(number));
    assert_true(record_file_add(file, key, bytes, size));
}

static void expect_newest_first(unsigned newest, unsigned least_count)
{
    struct seen seen = {0};
    record_file_visit(file, see, &seen);
    assert_true(seen.count >= least_count);
    for (unsigned i = 0; i < seen.count; i++)
        assert_int_equal(seen.numbers[i], newest - i);
    size_t size;
    unsigned oldest;
    const void *bytes = record_file_oldest(file, &size);
    assert_non_null(bytes);
    memcpy(&oldest, bytes, sizeof(oldest));
    assert_int_equal(oldest, newest - (seen.count - 1));
}

static void empty_file_has_nothing(void **state)
{
    (void)state;
    struct seen seen = {0};
    size_t size;
    record_file_visit(file, see, &seen);
    record_file_find(file, "a", see, &seen);
    assert_int_equal(seen.count, 0);
    assert_null(record_file_oldest(file, &size));
}

static void records_are_found_by_key(void **state)
{
    (void)state;
    struct seen seen = {0}, limited = {.limit = 1}, none = {0};
    add("a", 1, 10);
    add("b", 2, 20);
    add("a", 3, 30);
    add("", 4, 4);
    record_file_find(file, "a", see, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 3);
    assert_int_equal(seen.numbers[1], 1);
    record_file_find(file, "a", see, &limited);
    assert_int_equal(limited.count, 1);
    record_file_find(file, "ab", see, &none);
    assert_int_equal(none.count, 0);
}

static void newest_take_the_place_of_the_oldest(void **state)
{
    (void)state;
    char key[16];
    for (unsigned i = 1; i <= 20000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        add(key, i, 4 + (i * 7919) % 600);
        if (i % 1000 == 0)
            expect_newest_first(i, RING / 800);
    }
    struct seen gone = {0}, there = {0};
    record_file_find(file, "1", see, &gone);
    record_file_find(file, "19999", see, &there);
    assert_int_equal(gone.count, 0);
    assert_int_equal(there.count, 1);
}

static void largest_records_wrap_too(void **state)
{
    (void)state;
    char bytes[RING] = {0};
    const size_t most = RING / 2 - RECORD_KEY_MAX - 48;
    for (unsigned i = 1; i <= 50; i++) {
        add("big", i, i % 3 ? most : 5);
        expect_newest_first(i, 1);
    }
    assert_false(record_file_add(file, "too big", bytes, RING / 2));
    expect_newest_first(50, 1);
}

static void records_are_there_after_opening_again(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3000; i++) {
        add(i % 2 ? "odd" : "even", i, 4 + i % 100);
        if (i % 500 == 3) {
            open_again();
            expect_newest_first(i, i < RING / 200 ? i : RING / 200);
        }
    }
    struct seen odd = {.limit = 1};
    record_file_find(file, "odd", see, &odd);
    assert_int_equal(odd.numbers[0], 2999);
}

static void killed_process_leaves_what_it_had_added(void **state)
{
    (void)state;
    record_file_close(file);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        open_file();
        for (unsigned i = 1; i <= 100; i++)
            add("a", i, 50);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    open_file();
    expect_newest_first(100, 100);
}

/* Writes over a part of the closed file. */
static void damage(long at, size_t size)
{
    FILE *stream = fopen(path, "r+be");
    assert_non_null(stream);
    fseek(stream, at, SEEK_SET);
    for (size_t i = 0; i < size; i++)
        fputc(0x5a, stream);
    fclose(stream);
}

static long ring_at(void)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (long)status.st_size - (long)RING;
}

static void torn_record_is_left_out(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        add("a", i, 200);
    record_file_close(file);
    damage(ring_at() + 300, 20); /* within the second one */
    open_file();
    struct seen seen = {0}, found = {0};
    record_file_visit(file, see, &seen);
    record_file_find(file, "a", see, &found);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 3);
    assert_int_equal(seen.numbers[1], 1);
    assert_int_equal(found.count, 2);
    for (unsigned i = 4; i <= 2000; i++)
        add("a", i, 200);
    expect_newest_first(2000, RING / 300);
}

static void damaged_file_is_replaced(void **state)
{
    (void)state;
    struct error err;
    add("a", 1, 10);
    record_file_close(file);
    damage(0, 8);
    open_file();
    size_t size;
    assert_null(record_file_oldest(file, &size));
    add("a", 2, 10);
    expect_newest_first(2, 1);
    record_file_close(file);
    assert_int_equal(record_file_open(path, 2 * RING, &file, &err), 0);
    assert_null(record_file_oldest(file, &size));
}

static void file_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    struct error err;
    struct record_file *other;
    assert_int_equal(record_file_open("/nowhere/records", RING, &other, &err), -1);
    assert_non_null(strstr(err.message, "/nowhere/records"));
    assert_int_equal(record_file_open(path, (size_t)1 << 60, &other, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_file_has_nothing, begin, end),
        cmocka_unit_test_setup_teardown(records_are_found_by_key, begin, end),
        cmocka_unit_test_setup_teardown(newest_take_the_place_of_the_oldest, begin, end),
        cmocka_unit_test_setup_teardown(largest_records_wrap_too, begin, end),
        cmocka_unit_test_setup_teardown(records_are_there_after_opening_again, begin, end),
        cmocka_unit_test_setup_teardown(killed_process_leaves_what_it_had_added, begin, end),
        cmocka_unit_test_setup_teardown(torn_record_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(damaged_file_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(file_that_cannot_be_is_an_error, begin, end),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/records", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
