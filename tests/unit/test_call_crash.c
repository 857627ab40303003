/* The store of calls when its process is killed, and when the disk is full. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_check.h"
#include "store/call_id.h"
#include "store/sql.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CRASHES 12
#define LARGE   (CALL_INLINE_BYTES + 1)

static int put_call(size_t size, const char *file, int64_t *ret_number, struct error *err)
{
    char id[CALL_ID_DIGITS + 1];
    cleanup_free char *bytes = xcalloc(1, size + 1);
    call_id_make(NOW, id);
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.bytes = file ? NULL : bytes, .file = file, .size = size},
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    if (call_store_begin(play_store, err) < 0)
        return -1;
    if (call_store_put(play_store, &call, ret_number, err) < 0) {
        call_store_roll_back(play_store);
        return -1;
    }
    return call_store_commit(play_store, true, err);
}

static void expect_sound(void)
{
    struct error err;
    char **lines;
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    if (lines[0])
        fail_msg("%s", lines[0]);
    texts_free(lines);
}

/* --- killed --- */

/* Accepts one call after the other, large ones too, and tells the number of each that was; until it is
 * killed. */
static void accept_until_killed(int numbers)
{
    struct error err;
    struct call_store *store;
    unsigned repeated;
    if (call_store_open(play_dir, NOW, &store, &repeated, &err) < 0)
        _exit(1);
    play_store = store;
    for (unsigned i = 0;; i++) {
        int64_t number;
        cleanup_free char *file = i % 4 == 0 ? play_body_file(LARGE) : NULL;
        if (put_call(file ? LARGE : 10, file, &number, &err) < 0 ||
            write(numbers, &number, sizeof(number)) != (ssize_t)sizeof(number))
            _exit(1);
        if (i % 3 == 0)
            play_end_call(play_take("f", NOW), CALL_DONE, "result", 0);
    }
}

/* The last number that it has told before it was killed, some time after it has told so many. */
static int64_t accept_and_kill(unsigned count)
{
    int numbers[2], status;
    int64_t number, last = 0;
    assert_int_equal(pipe(numbers), 0);
    pid_t child = fork();
    if (child == 0) {
        close(numbers[0]);
        accept_until_killed(numbers[1]);
    }
    close(numbers[1]);
    for (unsigned i = 0; read(numbers[0], &number, sizeof(number)) == (ssize_t)sizeof(number); i++) {
        last = number;
        if (i == count)
            kill(child, SIGKILL);
    }
    close(numbers[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void what_was_accepted_outlives_a_kill(void **state)
{
    (void)state;
    struct error err;
    unsigned repeated;
    int64_t first = 1;
    call_store_close(play_store);
    play_store = NULL;
    for (unsigned i = 0; i < CRASHES; i++) {
        int64_t last = accept_and_kill(3 + i);
        play_expect(call_store_open(play_dir, NOW, &play_store, &repeated, &err), 0, &err);
        for (int64_t number = first; number <= last; number++) {
            struct call_record record = play_find(number);
            if (record.body_file)
                assert_true(fs_exists(record.body_file));
            call_record_clear(&record);
        }
        expect_sound();
        call_store_close(play_store);
        play_store = NULL;
        first = last + 1;
    }
}

/* --- a full disk --- */

static off_t log_bytes(void)
{
    cleanup_free char *path = xasprintf("%s/calls.db-wal", play_dir);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/* No file can become larger than this. */
static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Accepts until it is refused; how many were accepted. */
static int64_t accept_until_refused(size_t size, struct error *err)
{
    int64_t number = 0, last = 0;
    while (put_call(size, NULL, &number, err) == 0)
        last = number;
    return last;
}

static void full_disk_refuses_and_loses_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    int64_t number = 0;
    signal(SIGXFSZ, SIG_IGN);
    play_put("f", NOW, NOW, "1");
    limit_files((rlim_t)log_bytes() + 100000);
    int64_t last = accept_until_refused(1000, &err);
    limit_files(RLIM_INFINITY);
    assert_int_equal(err.code, ERROR_CALLS_DISK_FULL);
    assert_true(last > 1);
    struct call_sums sums;
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_WAITING], last);
    play_expect(put_call(1000, NULL, &number, &err), 0, &err);
    assert_int_equal(number, last + 1);
    play_open_again();
    for (number = 1; number <= last + 1; number++)
        play_expect_state(number, CALL_WAITING);
    expect_sound();
}

static void full_disk_refuses_large_bodies(void **state)
{
    (void)state;
    struct error err = {0};
    int64_t number = 0;
    signal(SIGXFSZ, SIG_IGN);
    limit_files(LARGE);
    int rc = put_call(2 * LARGE, NULL, &number, &err);
    limit_files(RLIM_INFINITY);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, ERROR_CALLS_DISK_FULL);
    assert_int_equal(play_count_files(), 0);
    play_expect(put_call(2 * LARGE, NULL, &number, &err), 0, &err);
    assert_int_equal(play_count_files(), 1);
    expect_sound();
}

static void database_that_may_not_grow_says_so(void **state)
{
    (void)state;
    struct error err = {0};
    play_expect(sql_run(play_store->sql, "PRAGMA max_page_count = 60", &err), 0, &err);
    int64_t last = accept_until_refused(3000, &err);
    assert_int_equal(err.code, ERROR_CALLS_DISK_FULL);
    assert_true(last > 1);
    play_expect(sql_run(play_store->sql, "PRAGMA max_page_count = 100000", &err), 0, &err);
    assert_true(play_put("f", NOW, NOW, "1") > last);
    expect_sound();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, play_begin, play_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_accepted_outlives_a_kill),
        TEST(full_disk_refuses_and_loses_nothing),
        TEST(full_disk_refuses_large_bodies),
        TEST(database_that_may_not_grow_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
