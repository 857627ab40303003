/* What is shown of the store of calls, and its upkeep. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_check.h"
#include "store/call_id.h"
#include "store/call_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (CALL_INLINE_BYTES + 1)

static void begin(void)
{
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
}

static void commit(void)
{
    struct error err;
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
}

static void expect_page(struct call_filter filter, const int64_t *numbers, size_t count)
{
    struct error err;
    struct call_page page;
    play_expect(call_page_read(play_store, &filter, &page, &err), 0, &err);
    assert_int_equal(page.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page.records[i].number, numbers[i]);
    call_page_clear(&page);
}

static void pages_have_the_newest_first(void **state)
{
    (void)state;
    int64_t a = play_put("f", NOW, NOW, "1"), b = play_put("g", NOW, NOW, "2"),
            c = play_put("f", NOW, NOW, "3");
    expect_page((struct call_filter){.state = -1, .limit = 10}, (int64_t[]){c, b, a}, 3);
    expect_page((struct call_filter){.state = -1, .limit = 2}, (int64_t[]){c, b}, 2);
    expect_page((struct call_filter){.state = -1, .limit = 2, .before = b}, (int64_t[]){a}, 1);
    expect_page((struct call_filter){.state = -1, .limit = 10, .function = "f"}, (int64_t[]){c, a}, 2);
    assert_int_equal(play_take("f", NOW), a);
    expect_page((struct call_filter){.state = CALL_RUNNING, .limit = 10}, (int64_t[]){a}, 1);
    expect_page((struct call_filter){.state = CALL_WAITING, .limit = 10}, (int64_t[]){c, b}, 2);
    expect_page((struct call_filter){.state = CALL_WAITING, .limit = 10, .function = "f"}, (int64_t[]){c}, 1);
    expect_page((struct call_filter){.state = -1, .limit = 10, .function = "f"}, (int64_t[]){c, a}, 2);
    expect_page((struct call_filter){.state = -1, .limit = 10, .function = "f", .before = c}, (int64_t[]){a},
                1);
    expect_page((struct call_filter){.state = CALL_DEAD, .limit = 10}, NULL, 0);
}

static void attempts_are_shown_in_their_order(void **state)
{
    (void)state;
    struct error err;
    struct call_attempts attempts;
    int64_t number = play_put("f", NOW, NOW, "1");
    play_take("f", NOW);
    play_retry(number, NOW, NOW, true);
    play_take("f", NOW + 1);
    play_retry(number, NOW + 1, NOW, false);
    play_take("f", NOW + 2);
    play_expect(call_attempts_read(play_store, number, &attempts, &err), 0, &err);
    assert_int_equal(attempts.count, 2);
    assert_int_equal(attempts.attempts[0].ordinal, 1);
    assert_int_equal(attempts.attempts[0].status, 503);
    assert_string_equal(attempts.attempts[0].reason, "status");
    assert_int_equal(attempts.attempts[0].ended_ms, NOW);
    assert_int_equal(attempts.attempts[1].ordinal, 2);
    assert_int_equal(attempts.attempts[1].begun_ms, NOW + 2);
    assert_int_equal(attempts.attempts[1].ended_ms, 0);
    assert_string_equal(attempts.attempts[1].request_id, "request");
    call_attempts_clear(&attempts);
}

static void expire_at(uint64_t now_ms, unsigned max, unsigned expected)
{
    struct error err;
    unsigned count = 0;
    begin();
    play_expect(call_store_expire(play_store, now_ms, max, &count, &err), 0, &err);
    commit();
    assert_int_equal(count, expected);
}

static void ended_ones_are_forgotten_when_they_expire(void **state)
{
    (void)state;
    struct error err;
    struct call_record record;
    int64_t numbers[3];
    for (int i = 0; i < 3; i++) {
        numbers[i] = play_put("f", NOW, NOW, "1");
        play_take("f", NOW);
        play_end_call(numbers[i], CALL_DONE, "result", i < 2 ? NOW + 100 : 0);
    }
    expire_at(NOW + 99, 10, 0);
    expire_at(NOW + 100, 1, 1);
    expire_at(NOW + 100, 10, 1);
    play_expect(call_store_find(play_store, NULL, numbers[0], &record, &err), 0, &err);
    play_expect_state(numbers[2], CALL_DONE);
    struct call_sums sums;
    call_store_sums(play_store, &sums);
    assert_int_equal(sums.by_state[CALL_DONE], 1);
}

/* Accepts one with a large body, and ends it with a large result. */
static int64_t play_large(enum call_state end, uint64_t expires_ms)
{
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    int64_t number = 0;
    cleanup_free char *body = play_body_file(LARGE), *result = play_body_file(LARGE + 1);
    call_id_make(NOW, id);
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.file = body, .size = LARGE},
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    begin();
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    commit();
    assert_int_equal(play_take("f", NOW), number);
    const struct call_outcome outcome = {
        .status = 200, .ended_ms = NOW, .result_head = "", .result = {.file = result, .size = LARGE + 1}};
    begin();
    play_expect(call_store_end(play_store, number, end, &outcome, expires_ms, &err), 1, &err);
    commit();
    return number;
}

static void large_bodies_are_files_that_go_with_their_call(void **state)
{
    (void)state;
    struct stat status;
    int64_t done = play_large(CALL_DONE, NOW + 1);
    assert_int_equal(play_count_files(), 1);
    struct call_record record = play_find(done);
    assert_int_equal(record.result_size, LARGE + 1);
    assert_int_equal(stat(record.result_file, &status), 0);
    assert_int_equal(status.st_size, LARGE + 1);
    call_record_clear(&record);
    int64_t dead = play_large(CALL_DEAD, 0);
    assert_int_equal(play_count_files(), 3);
    record = play_find(dead);
    assert_int_equal(stat(record.body_file, &status), 0);
    assert_int_equal(status.st_size, LARGE);
    call_record_clear(&record);
    expire_at(NOW + 1, 10, 1);
    assert_int_equal(play_count_files(), 2);
}

static void large_body_in_memory_becomes_a_file(void **state)
{
    (void)state;
    cleanup_free char *body = xcalloc(1, LARGE + 1);
    memset(body, 'x', LARGE);
    int64_t number = play_put("f", NOW, NOW, body);
    struct call_record record = play_find(number);
    struct stat status;
    assert_int_equal(stat(record.body_file, &status), 0);
    assert_int_equal(status.st_size, LARGE);
    call_record_clear(&record);
}

static void dead_ones_are_driven_once_more_or_dropped(void **state)
{
    (void)state;
    struct error err;
    int64_t first = play_large(CALL_DEAD, 0), second = play_large(CALL_DEAD, 0), count = 0;
    begin();
    play_expect(call_store_redrive(play_store, first, NULL, NOW + 5, &count, &err), 0, &err);
    commit();
    assert_int_equal(count, 1);
    assert_int_equal(play_count_files(), 3);
    struct call_record record = play_find(first);
    assert_int_equal(record.state, CALL_WAITING);
    assert_int_equal(record.attempts, 0);
    assert_int_equal(record.since_ms, NOW + 5);
    assert_int_equal(record.accepted_ms, NOW);
    assert_null(record.result_file);
    call_record_clear(&record);
    begin();
    play_expect(call_store_drop(play_store, first, NULL, &count, &err), 0, &err);
    assert_int_equal(count, 0);
    play_expect(call_store_drop(play_store, 0, "other", &count, &err), 0, &err);
    assert_int_equal(count, 0);
    play_expect(call_store_drop(play_store, 0, "f", &count, &err), 0, &err);
    commit();
    assert_int_equal(count, 1);
    assert_int_equal(play_count_files(), 1);
    play_expect(call_store_find(play_store, NULL, second, &record, &err), 0, &err);
    assert_int_equal(play_take("f", NOW + 5), first);
}

static void too_old_ones_are_given_up(void **state)
{
    (void)state;
    struct error err;
    int64_t number = play_put("f", NOW, NOW, "1");
    const struct call_outcome outcome = {
        .reason = "max-age", .message = "it is too old", .ended_ms = NOW + 9};
    begin();
    play_expect(call_store_give_up(play_store, number, &outcome, &err), 1, &err);
    commit();
    struct call_record record = play_find(number);
    assert_int_equal(record.state, CALL_DEAD);
    assert_string_equal(record.reason, "max-age");
    call_record_clear(&record);
}

static void keys_are_remembered_for_their_time(void **state)
{
    (void)state;
    struct error err;
    int64_t number;
    char id[CALL_ID_DIGITS + 1], fingerprint[65];
    const struct call_new call = {.id = "0123456789abcdef0123456789abcdef",
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .key = "key",
                                  .fingerprint = "print",
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    begin();
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    commit();
    play_expect(call_store_find_key(play_store, "f", "key", NOW, id, fingerprint, &err), 1, &err);
    assert_string_equal(id, call.id);
    assert_string_equal(fingerprint, "print");
    play_expect(call_store_find_key(play_store, "f", "key", NOW + 1, id, fingerprint, &err), 0, &err);
    play_expect(call_store_find_key(play_store, "g", "key", NOW, id, fingerprint, &err), 0, &err);
    expire_at(NOW + CALL_KEY_MS, 10, 0);
    play_expect(call_store_find_key(play_store, "f", "key", NOW, id, fingerprint, &err), 1, &err);
    expire_at(NOW + CALL_KEY_MS + 1, 10, 0);
    play_expect(call_store_find_key(play_store, "f", "key", NOW, id, fingerprint, &err), 0, &err);
}

static void check_says_what_is_missing(void **state)
{
    (void)state;
    struct error err;
    char **lines;
    int64_t number = play_large(CALL_DEAD, 0);
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    assert_null(lines[0]);
    texts_free(lines);
    struct call_record record = play_find(number);
    assert_int_equal(unlink(record.body_file), 0);
    call_record_clear(&record);
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    assert_non_null(strstr(lines[0], "is missing"));
    assert_null(lines[1]);
    texts_free(lines);
}

/* By a connection of its own, so what has not been committed does not disturb it. */
static void check_goes_on_beside_a_transaction(void **state)
{
    (void)state;
    struct error err;
    char **lines;
    int64_t number = play_put("f", NOW, NOW, "1");
    begin();
    play_expect(call_store_begin_attempt(play_store, number, NULL, NOW, &err), 0, &err);
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    assert_null(lines[0]);
    texts_free(lines);
    commit();
    play_expect_state(number, CALL_RUNNING);
}

static void ids_follow_the_time(void **state)
{
    (void)state;
    char first[CALL_ID_DIGITS + 1], second[CALL_ID_DIGITS + 1];
    call_id_make(NOW, first);
    call_id_make(NOW + 1, second);
    assert_true(strcmp(first, second) < 0);
    call_id_make(NOW, second);
    assert_memory_equal(first, second, 12);
    assert_string_not_equal(first, second);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, play_begin, play_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_have_the_newest_first),
        TEST(attempts_are_shown_in_their_order),
        TEST(ended_ones_are_forgotten_when_they_expire),
        TEST(large_bodies_are_files_that_go_with_their_call),
        TEST(large_body_in_memory_becomes_a_file),
        TEST(dead_ones_are_driven_once_more_or_dropped),
        TEST(too_old_ones_are_given_up),
        TEST(keys_are_remembered_for_their_time),
        TEST(check_says_what_is_missing),
        TEST(check_goes_on_beside_a_transaction),
        cmocka_unit_test(ids_follow_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
