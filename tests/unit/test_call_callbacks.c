/* Callbacks in the store of calls, and how deep calls are in chains. */
#include "call_store_play.h"
#include "store/call_callbacks.h"
#include "store/call_chains.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOBODY "[]"
#define LATER  (NOW + 1000)

static struct error err;

/* Each step is a transaction of its own. */
#define step(call)                                                                                           \
    do {                                                                                                     \
        play_expect(call_store_begin(play_store, &err), 0, &err);                                            \
        play_expect((call), 0, &err);                                                                        \
        play_expect(call_store_commit(play_store, true, &err), 0, &err);                                     \
    } while (0)

static int64_t end_one(enum call_state state, uint64_t expires_ms)
{
    int64_t number = play_put("f", NOW, NOW, "hello");
    assert_int_equal(play_take("f", NOW), number);
    play_end_call(number, state, "result", expires_ms);
    return number;
}

static void put(int64_t number, const char *receiver, uint64_t due_ms, bool keeps_result)
{
    struct callback_new callback = {
        .number = number, .receiver = receiver, .keeps_result = keeps_result, .due_ms = due_ms};
    step(call_callbacks_put(play_store, &callback, &err));
}

/* The number of the next one, whose try begins; 0: there is none. */
static int64_t take(uint64_t now_ms, const char *busy)
{
    struct callback_record record;
    int rc = call_callbacks_next(play_store, now_ms, A_WAIT_MS, busy, &record, &err);
    if (rc == 0)
        return 0;
    play_expect(rc, 1, &err);
    int64_t number = record.number;
    callback_record_clear(&record);
    step(call_callbacks_begin_try(play_store, number, &err));
    return number;
}

static void finish(int64_t number, enum callback_state state, uint64_t now_ms)
{
    struct callback_try end = {.status = 200, .ended_ms = now_ms};
    step(call_callbacks_end(play_store, number, state, &end, &err));
}

static struct callback_record find(int64_t number)
{
    struct callback_record record;
    play_expect(call_callbacks_find(play_store, number, &record, &err), 1, &err);
    return record;
}

static uint64_t next_due(const char *busy)
{
    uint64_t due_ms = 0;
    play_expect(call_callbacks_next_due(play_store, busy, &due_ms, &err), 0, &err);
    return due_ms;
}

static void they_are_taken_as_they_become_due(void **state)
{
    (void)state;
    int64_t second = end_one(CALL_DONE, LATER), first = end_one(CALL_DEAD, 0);
    assert_true(next_due(NOBODY) == UINT64_MAX);
    put(second, "b:80", NOW + 20, true);
    put(first, "a:80", NOW + 10, true);
    assert_int_equal(next_due(NOBODY), NOW + 10);
    assert_int_equal(take(NOW + 9, NOBODY), 0);
    assert_int_equal(take(NOW + 30, NOBODY), first);
    assert_int_equal(take(NOW + 30, NOBODY), second);
    assert_int_equal(take(NOW + 30, NOBODY), 0);
    assert_true(next_due(NOBODY) == UINT64_MAX);
}

static void a_busy_receiver_holds_up_no_other(void **state)
{
    (void)state;
    int64_t first = end_one(CALL_DONE, LATER), second = end_one(CALL_DONE, LATER);
    put(first, "slow:80", NOW, true);
    put(second, "b:80", NOW + 10, true);
    assert_int_equal(next_due("[\"slow:80\"]"), NOW + 10);
    assert_int_equal(take(NOW + 30, "[\"x\",\"slow:80\"]"), second);
    assert_int_equal(take(NOW + 30, "[\"slow:80\"]"), 0);
    assert_int_equal(take(NOW + 30, NOBODY), first);
}

static void a_failed_try_is_followed_by_another(void **state)
{
    (void)state;
    int64_t number = end_one(CALL_DONE, LATER);
    struct callback_try end = {
        .status = 500, .reason = "status", .message = "It said 500.", .ended_ms = NOW + 5};
    put(number, "a:80", NOW, true);
    assert_int_equal(take(NOW, NOBODY), number);
    step(call_callbacks_retry(play_store, number, &end, NOW + 50, &err));
    struct callback_record record = find(number);
    assert_int_equal(record.state, CALLBACK_STATE_WAITING);
    assert_int_equal(record.attempts, 1);
    assert_int_equal(record.status, 500);
    assert_int_equal(record.due_ms, NOW + 50);
    assert_int_equal(record.ended_ms, NOW + 5);
    assert_string_equal(record.reason, "status");
    assert_string_equal(record.message, "It said 500.");
    assert_string_equal(record.receiver, "a:80");
    callback_record_clear(&record);
    assert_int_equal(take(NOW + 49, NOBODY), 0);
    assert_int_equal(take(NOW + 50, NOBODY), number);
    finish(number, CALLBACK_STATE_DELIVERED, NOW + 60);
    record = find(number);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    assert_int_equal(record.attempts, 2);
    assert_null(record.reason);
    callback_record_clear(&record);
    assert_int_equal(take(LATER, NOBODY), 0);
}

static uint64_t expires_ms(int64_t number)
{
    struct call_record record = play_find(number);
    uint64_t expires_ms = record.expires_ms;
    call_record_clear(&record);
    return expires_ms;
}

/* However long it takes. */
static void a_call_is_kept_until_its_callback_has_ended(void **state)
{
    (void)state;
    int64_t quick = end_one(CALL_DONE, LATER), slow = end_one(CALL_DONE, LATER), dead = end_one(CALL_DEAD, 0);
    int64_t all[] = {quick, slow, dead};
    for (size_t i = 0; i < 3; i++) {
        put(all[i], "a:80", NOW + i, true);
        assert_int_equal(expires_ms(all[i]), 0);
        assert_int_equal(take(NOW + i, NOBODY), all[i]);
    }
    finish(quick, CALLBACK_STATE_DELIVERED, LATER - 1);
    finish(slow, CALLBACK_STATE_GIVEN_UP, LATER + 500);
    finish(dead, CALLBACK_STATE_DELIVERED, LATER);
    assert_int_equal(expires_ms(quick), LATER);
    assert_int_equal(expires_ms(slow), LATER + 500);
    assert_int_equal(expires_ms(dead), 0);
}

static uint64_t result_size(int64_t number)
{
    struct call_record record = play_find(number), whole;
    play_expect(call_store_find_result(play_store, record.id, &whole, &err), 1, &err);
    uint64_t size = whole.result_head ? whole.result_size : 0;
    call_record_clear(&record);
    call_record_clear(&whole);
    return size;
}

static void a_result_that_is_not_kept_goes_with_it(void **state)
{
    (void)state;
    int64_t kept = end_one(CALL_DONE, LATER), other = end_one(CALL_DONE, LATER);
    put(kept, "a:80", NOW, true);
    put(other, "a:80", NOW, false);
    take(NOW, NOBODY);
    take(NOW, NOBODY);
    assert_int_equal(result_size(other), 6);
    finish(kept, CALLBACK_STATE_DELIVERED, NOW);
    finish(other, CALLBACK_STATE_DELIVERED, NOW);
    assert_int_equal(result_size(kept), 6);
    assert_int_equal(result_size(other), 0);
}

static void one_that_was_under_way_begins_again(void **state)
{
    (void)state;
    int64_t number = end_one(CALL_DONE, LATER);
    put(number, "a:80", NOW, true);
    assert_int_equal(take(NOW, NOBODY), number);
    play_open_again();
    assert_int_equal(take(NOW, NOBODY), number);
    struct callback_record record = find(number);
    assert_int_equal(record.attempts, 2);
    callback_record_clear(&record);
}

/* A dead letter that is driven once more has another end, and that another callback. */
static void another_end_has_another_callback(void **state)
{
    (void)state;
    int64_t number = end_one(CALL_DEAD, 0), count = 0;
    put(number, "a:80", NOW, true);
    assert_int_equal(take(NOW, NOBODY), number);
    step(call_store_redrive(play_store, number, NULL, NOW + 1, &count, &err));
    assert_int_equal(play_take("f", NOW + 1), number);
    play_end_call(number, CALL_DONE, "new", LATER);
    put(number, "a:80", NOW + 2, true);
    finish(number, CALLBACK_STATE_GIVEN_UP, NOW + 3);
    struct callback_record record = find(number);
    assert_int_equal(record.state, CALLBACK_STATE_WAITING);
    assert_int_equal(record.attempts, 0);
    callback_record_clear(&record);
    assert_int_equal(take(NOW + 3, NOBODY), number);
}

static void they_are_forgotten_with_their_calls(void **state)
{
    (void)state;
    int64_t number = end_one(CALL_DEAD, 0), count = 0;
    struct callback_record record;
    unsigned depth = 0;
    put(number, "a:80", NOW, true);
    step(call_chains_put(play_store, number, 3, &err));
    play_expect(call_chains_find(play_store, number, &depth, &err), 0, &err);
    assert_int_equal(depth, 3);
    step(call_store_drop(play_store, number, NULL, &count, &err));
    play_expect(call_callbacks_find(play_store, number, &record, &err), 0, &err);
    play_expect(call_chains_find(play_store, number, &depth, &err), 0, &err);
    assert_int_equal(depth, 0);
}

/* The result of one is the body of another: one file by two names, each of which goes with its own call. */
static void a_file_that_stays_has_two_names(void **state)
{
    (void)state;
    cleanup_free char *path = play_body_file(100000);
    struct call_new call = {.id = "00000000000000000000000000000001",
                            .function = "f",
                            .method = "POST",
                            .target = "",
                            .head = "",
                            .body = {.file = path, .size = 100000, .stays = true},
                            .accepted_ms = NOW,
                            .due_ms = NOW};
    int64_t number = 0;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    assert_int_equal(play_count_files(), 2);
    call_store_roll_back(play_store);
    assert_int_equal(play_count_files(), 1);
    step(call_store_put(play_store, &call, &number, &err));
    assert_int_equal(play_count_files(), 2);
    struct call_record record = play_find(number);
    cleanup_free char *kept = NULL;
    size_t size;
    assert_int_equal(fs_read_file(record.body_file, 1 << 20, &kept, &size, &err), 0);
    assert_int_equal(size, 100000);
    call_record_clear(&record);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, play_begin, play_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(they_are_taken_as_they_become_due),
        with_store(a_busy_receiver_holds_up_no_other),
        with_store(a_failed_try_is_followed_by_another),
        with_store(a_call_is_kept_until_its_callback_has_ended),
        with_store(a_result_that_is_not_kept_goes_with_it),
        with_store(one_that_was_under_way_begins_again),
        with_store(another_end_has_another_callback),
        with_store(they_are_forgotten_with_their_calls),
        with_store(a_file_that_stays_has_two_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
