/* The life of calls in the store. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void accepted_call_is_found_as_it_was_put(void **state)
{
    (void)state;
    struct error err;
    struct call_record record, same;
    int64_t number = play_put("f", NOW, NOW, "hello");
    record = play_find(number);
    assert_string_equal(record.function, "f");
    assert_string_equal(record.method, "POST");
    assert_string_equal(record.target, "/path?query");
    assert_string_equal(record.head, "Content-Type: text/plain\r\n");
    assert_int_equal(record.body_size, 5);
    assert_null(record.body);
    assert_null(record.body_file);
    assert_int_equal(record.accepted_ms, NOW);
    assert_int_equal(record.since_ms, NOW);
    assert_int_equal(record.ended_ms, 0);
    assert_int_equal(record.state, CALL_WAITING);
    play_expect(call_store_find(play_store, record.id, 0, &same, &err), 1, &err);
    assert_int_equal(same.number, number);
    call_record_clear(&same);
    call_record_clear(&record);
    play_expect(call_store_find(play_store, NULL, number + 1, &record, &err), 0, &err);
}

static void next_one_is_the_first_accepted_that_is_due(void **state)
{
    (void)state;
    int64_t first = play_put("f", NOW, NOW, "1");
    int64_t later = play_put("f", NOW, NOW + 500, "2");
    int64_t third = play_put("f", NOW, NOW, "3");
    play_put("other", NOW, NOW, "4");
    assert_int_equal(play_take("f", NOW), first);
    assert_int_equal(play_take("f", NOW), third);
    assert_int_equal(play_take("f", NOW), 0);
    assert_int_equal(play_take("f", NOW + 500), later);
    play_expect_state(later, CALL_RUNNING);
}

static void retry_comes_before_those_accepted_after_it(void **state)
{
    (void)state;
    int64_t first = play_put("f", NOW, NOW, "1");
    int64_t second = play_put("f", NOW, NOW, "2");
    assert_int_equal(play_take("f", NOW), first);
    play_retry(first, NOW, NOW + 100, true);
    assert_int_equal(play_take("f", NOW + 99), second);
    play_retry(second, NOW + 99, NOW + 99, true);
    assert_int_equal(play_take("f", NOW + 100), first);
    struct call_record record = play_find(first);
    assert_int_equal(record.attempts, 2);
    assert_int_equal(record.status, 503);
    assert_string_equal(record.reason, "status");
    call_record_clear(&record);
}

/* Has all calls wait for a time of their own from `first_ms` on, each due before the one accepted before. */
static void put_off_all(uint64_t first_ms)
{
    struct error err;
    play_expect(sql_change(play_store->sql, "UPDATE calls SET place = ?1 - number, due_ms = ?1 - number",
                           SQL_VALUES(SQL_INT(first_ms)), NULL, &err),
                0, &err);
}

static int64_t count_due(const char *function)
{
    struct error err;
    int64_t count = 0;
    play_expect(sql_number(play_store->sql,
                           "SELECT count(*) FROM calls WHERE state = 0 AND place = 0 AND function = ?",
                           SQL_VALUES(SQL_STR(function)), &count, &err),
                0, &err);
    return count;
}

/* The next one's number, within a transaction; 0: none is due. */
static int64_t next_of(const char *function, uint64_t now_ms)
{
    struct error err;
    struct call_record record = {0};
    int rc = call_store_next(play_store, function, now_ms, A_WAIT_MS, &record, &err);
    play_expect(rc < 0, 0, &err);
    int64_t number = record.number;
    call_record_clear(&record);
    return number;
}

/* A clock was set back; what has less to wait for than that waits for it. */
static void what_would_wait_for_longer_than_any_is_due(void **state)
{
    (void)state;
    int64_t first = play_put("f", NOW, NOW, "1"), second = play_put("f", NOW, NOW, "2");
    assert_int_equal(play_take("f", NOW), first);
    assert_int_equal(play_take("f", NOW), second);
    play_retry(first, NOW, NOW + A_WAIT_MS + 1, true);
    play_retry(second, NOW, NOW + A_WAIT_MS, true);
    int64_t third = play_put("f", NOW, NOW + A_WAIT_MS + 2, "3");
    assert_int_equal(play_take("f", NOW + 2), 0);
    assert_int_equal(play_take("f", NOW), first);
    struct call_record record = play_find(third);
    assert_int_equal(record.due_ms, NOW);
    call_record_clear(&record);
    assert_int_equal(play_take("f", NOW), third);
    assert_int_equal(play_take("f", NOW), 0);
    assert_int_equal(play_take("f", NOW + A_WAIT_MS), second);
}

static void those_that_become_due_at_once_take_several_transactions(void **state)
{
    (void)state;
    struct error err;
    const int64_t all = 2 * CALLS_DUE_MAX + 500;
    play_put_many("f", (unsigned)all);
    int64_t other = play_put("g", NOW, NOW, "1");
    put_off_all(NOW + 100000);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    assert_int_equal(next_of("f", NOW), 0);
    assert_int_equal(next_of("f", NOW + 100000), all - CALLS_DUE_MAX + 1);
    assert_int_equal(count_due("f"), CALLS_DUE_MAX);
    assert_int_equal(next_of("g", NOW + 100000), other);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    for (unsigned i = 0; i < 2; i++) {
        play_expect(call_store_begin(play_store, &err), 0, &err);
        next_of("f", NOW + 100000);
        play_expect(call_store_commit(play_store, true, &err), 0, &err);
    }
    assert_int_equal(count_due("f"), all);
    assert_int_equal(play_take("f", NOW + 100000), 1);
}

static void what_was_no_attempt_does_not_count(void **state)
{
    (void)state;
    int64_t number = play_put("f", NOW, NOW, "1");
    play_take("f", NOW);
    play_retry(number, NOW, NOW, false);
    struct call_record record = play_find(number);
    assert_int_equal(record.attempts, 0);
    call_record_clear(&record);
}

static void next_due_is_when_to_look_again(void **state)
{
    (void)state;
    struct error err;
    uint64_t due_ms = 0;
    play_expect(call_store_next_due(play_store, "f", &due_ms, &err), 0, &err);
    assert_true(due_ms == UINT64_MAX);
    play_put("f", NOW, NOW + 500, "1");
    play_put("f", NOW, NOW + 200, "2");
    play_expect(call_store_next_due(play_store, "f", &due_ms, &err), 0, &err);
    assert_int_equal(due_ms, NOW + 200);
}

static void result_is_kept_with_the_end(void **state)
{
    (void)state;
    struct error err;
    int64_t number = play_put("f", NOW, NOW, "1");
    play_take("f", NOW);
    play_end_call(number, CALL_DONE, "result", NOW + 3600);
    struct call_record record = play_find(number), found;
    assert_int_equal(record.state, CALL_DONE);
    assert_int_equal(record.ended_ms, NOW + 10);
    assert_int_equal(record.expires_ms, NOW + 3600);
    assert_null(record.result);
    play_expect(call_store_find_result(play_store, record.id, &found, &err), 1, &err);
    assert_string_equal(found.result, "result");
    assert_int_equal(found.result_size, 6);
    assert_string_equal(found.result_head, "Content-Type: text/plain\r\n");
    call_record_clear(&found);
    call_record_clear(&record);
}

/* A removal that the disk has not confirmed leaves its file where it was. */
static void result_takes_the_place_of_a_file_that_no_call_names(void **state)
{
    (void)state;
    struct error err;
    int64_t number = play_put("f", NOW, NOW, "1");
    cleanup_free char *stray =
        xasprintf("%s/%lld.result", call_store_body_dir(play_store), (long long)number);
    cleanup_free char *file = play_body_file(100000);
    const struct call_outcome outcome = {.status = 200,
                                         .ended_ms = NOW,
                                         .result_head = "",
                                         .result = {.file = file, .size = 100000, .stays = true}};
    char *bytes;
    size_t size;
    play_expect(fs_write_file(stray, "old", 3, 0600, &err), 0, &err);
    play_take("f", NOW);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_end(play_store, number, CALL_DONE, &outcome, NOW, &err), 1, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    play_expect(fs_read_file(stray, 1 << 20, &bytes, &size, &err), 0, &err);
    assert_int_equal(size, 100000);
    free(bytes);
}

static void only_what_has_not_ended_is_cancelled(void **state)
{
    (void)state;
    struct error err;
    int64_t waiting = play_put("f", NOW, NOW, "1"), ended;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_cancel(play_store, waiting, NOW, NOW + 1, &err), 1, &err);
    play_expect(call_store_cancel(play_store, waiting, NOW, NOW + 1, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    play_expect_state(waiting, CALL_CANCELLED);
    assert_int_equal(play_take("f", NOW), 0);
    ended = play_put("f", NOW, NOW, "2");
    play_take("f", NOW);
    play_end_call(ended, CALL_DONE, NULL, 0);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_cancel(play_store, ended, NOW, NOW + 1, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
}

static void running_ones_wait_again_after_a_start(void **state)
{
    (void)state;
    int64_t number = play_put("f", NOW, NOW, "1");
    play_put("f", NOW, NOW, "2");
    play_take("f", NOW);
    assert_int_equal(play_open_again(), 1);
    struct call_record record = play_find(number);
    assert_int_equal(record.state, CALL_WAITING);
    assert_int_equal(record.attempts, 1);
    call_record_clear(&record);
    assert_int_equal(play_take("f", NOW), number);
}

static void transaction_that_is_rolled_back_was_not(void **state)
{
    (void)state;
    struct error err;
    struct call_record record;
    int64_t number = 0;
    cleanup_free char *file = play_body_file(100000);
    const struct call_new call = {.id = "00000000000000000000000000000001",
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.file = file, .size = 100000},
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    assert_false(fs_exists(file));
    call_store_roll_back(play_store);
    assert_true(fs_exists(file));
    play_expect(call_store_find(play_store, call.id, 0, &record, &err), 0, &err);
    struct call_sums sums;
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_WAITING], 0);
}

static int deny_counts(void *context, int action, const char *table, const char *column, const char *database,
                       const char *trigger)
{
    (void)context, (void)column, (void)database, (void)trigger;
    return action == SQLITE_READ && strcmp(table, "call_counts") == 0 ? SQLITE_DENY : SQLITE_OK;
}

static void counts_that_cannot_be_read_again_are_not_made_up(void **state)
{
    (void)state;
    struct error err;
    struct call_sums sums;
    play_put("f", NOW, NOW, "1");
    play_expect(call_store_begin(play_store, &err), 0, &err);
    sqlite3_set_authorizer(sql_handle(play_store->sql), deny_counts, NULL);
    call_store_roll_back(play_store);
    assert_int_equal(call_store_begin(play_store, &err), -1);
    sqlite3_set_authorizer(sql_handle(play_store->sql), NULL, NULL);
    play_put("f", NOW, NOW, "2");
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_WAITING], 2);
}

static void sums_follow_what_happens(void **state)
{
    (void)state;
    struct call_sums sums;
    int64_t first = play_put("f", NOW + 1, NOW, "1");
    play_put("g", NOW + 2, NOW, "2");
    play_take("f", NOW);
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_WAITING], 1);
    assert_int_equal(sums.by_state[CALL_RUNNING], 1);
    assert_int_equal(sums.oldest_waiting_ms, NOW + 2);
    play_end_call(first, CALL_DEAD, NULL, 0);
    play_open_again();
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_WAITING], 1);
    assert_int_equal(sums.by_state[CALL_RUNNING], 0);
    assert_int_equal(sums.by_state[CALL_DEAD], 1);
    assert_true(sums.bytes > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, play_begin, play_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepted_call_is_found_as_it_was_put),
        TEST(next_one_is_the_first_accepted_that_is_due),
        TEST(retry_comes_before_those_accepted_after_it),
        TEST(what_would_wait_for_longer_than_any_is_due),
        TEST(those_that_become_due_at_once_take_several_transactions),
        TEST(what_was_no_attempt_does_not_count),
        TEST(next_due_is_when_to_look_again),
        TEST(result_is_kept_with_the_end),
        TEST(result_takes_the_place_of_a_file_that_no_call_names),
        TEST(only_what_has_not_ended_is_cancelled),
        TEST(running_ones_wait_again_after_a_start),
        TEST(transaction_that_is_rolled_back_was_not),
        TEST(counts_that_cannot_be_read_again_are_not_made_up),
        TEST(sums_follow_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
