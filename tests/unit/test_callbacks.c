/* Callbacks and calls that follow, with a store and a receiver of the test's own: what is put with a call's
 * end, tries that fail, a store that refuses. */
#include "call_store_play.h"

#include "base/network.h"
#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/callbacks.h"
#include "calls/turn.h"
#include "outgoing/outgoing.h"
#include "scripted_server.h"
#include "store/call_callbacks.h"
#include "store/call_list.h"
#include "store/call_store_inside.h"

#define GUARD_S      60 /* a test that waits longer has failed */
#define RETRY_MS     5000 /* before the first retry at most; doubled each time */
#define RETRY_MAX_MS (600 * 1000)
#define OK_ANSWER    "HTTP/1.1 204 No Content\r\n\r\n"

static struct calls_env env;
static struct call_counts counts;
static struct scripted_server server;
static unsigned port, put_count;
static char put_function[64];
static struct error err;

static const struct rule rules[] = {
    {"POST /good ", OK_ANSWER},
    {"POST /bad ", "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"},
    {"POST /busy ", "HTTP/1.1 429 No\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"},
    {"POST /endless ", "HTTP/1.1 200 OK\r\n\r\n", .endless = "0123456789012345678901234567890123456789"},
    {0},
};

static void note_put(void *owner, const char *function)
{
    (void)owner;
    snprintf(put_function, sizeof(put_function), "%s", function);
    put_count++;
}

static void plan(const struct call_settings *settings)
{
    call_plan_destroy(env.plan);
    env.plan = call_plan_create();
    call_plan_add(env.plan, "f", settings);
    call_plan_add(env.plan, "next", &(struct call_settings){.concurrency = 1});
}

static int begin(void **state)
{
    struct network loopback;
    play_begin(state);
    put_count = 0;
    counts = (struct call_counts){0};
    env = (struct calls_env){.base = event_base_new(),
                             .store = play_store,
                             .turn = turn_create(play_store),
                             .disk_bytes = 1 << 30,
                             .counts = &counts,
                             .put = note_put};
    network_parse("127.0.0.0/8", strlen("127.0.0.0/8"), &loopback);
    network_list_add(&env.callback_networks, &loopback);
    server_init(&server, rules);
    server.base = env.base;
    port = server_listen_port(&server);
    play_expect(outgoing_create(env.base, &env.outgoing, &err), 0, &err);
    env.callbacks = callbacks_create(&env);
    plan(&(struct call_settings){.result_ttl_ms = 60000});
    return 0;
}

static int end(void **state)
{
    callbacks_destroy(env.callbacks);
    outgoing_destroy(env.outgoing);
    server_clear(&server);
    call_plan_destroy(env.plan);
    network_list_clear(&env.callback_networks);
    turn_destroy(env.turn);
    event_base_free(env.base);
    return play_end(state);
}

/* What the thread of calls does, once. */
static void pass(void)
{
    struct timeval limit = {.tv_usec = 20000};
    event_base_loopexit(env.base, &limit);
    event_base_loop(env.base, EVLOOP_NO_EXIT_ON_EMPTY);
    while (turn_is_open(env.turn))
        turn_end(env.turn);
}

/* One that is running, to be told of at `path` of the receiver; NULL: nobody is. */
static struct call_record run_one(const char *path)
{
    static unsigned made;
    char url[128], id[CALL_ID_DIGITS + 1];
    int64_t number;
    struct call_record record;
    snprintf(id, sizeof(id), "%032x", ++made);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path ? path : "");
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .callback_url = path ? url : NULL,
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    play_expect(call_store_begin_attempt(play_store, number, "r", NOW, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    play_expect(call_store_find(play_store, id, 0, &record, &err), 1, &err);
    return record;
}

static void end_in_turn(const struct call_record *record, enum call_state state)
{
    struct call_store *store;
    const struct call_outcome outcome = {.status = 200,
                                         .ended_ms = NOW + 10,
                                         .run_ms = 5,
                                         .result_head = "Content-Type: text/x\r\n",
                                         .result = {.bytes = "made", .size = 4},
                                         .result_cut = true};
    play_expect(turn_enter(env.turn, &store, &err), 0, &err);
    play_expect(call_end(&env, store, record, state, &outcome, &err), 0, &err);
}

/* Has a call end; its number. */
static int64_t end_one(const char *path, enum call_state state)
{
    struct call_record record = run_one(path);
    int64_t number = record.number;
    end_in_turn(&record, state);
    call_record_clear(&record);
    turn_end(env.turn);
    return number;
}

static struct callback_record find(int64_t number)
{
    struct callback_record record;
    play_expect(call_callbacks_find(play_store, number, &record, &err), 1, &err);
    return record;
}

/* Waits until so many tries have begun and the last of them has ended; the callback then. */
static struct callback_record await(int64_t number, unsigned attempts)
{
    for (unsigned tries = 0; tries < GUARD_S * 50; tries++) {
        pass();
        struct callback_record record = find(number);
        if (record.attempts == attempts && record.state != CALLBACK_STATE_POSTING)
            return record;
        callback_record_clear(&record);
    }
    fail_msg("no %u tries", attempts);
    return (struct callback_record){0};
}

static void put_off(int64_t number, uint64_t due_ms)
{
    play_expect(sql_change(play_store->sql, "UPDATE call_callbacks SET due_ms = ? WHERE number = ?",
                           SQL_VALUES(SQL_INT(due_ms), SQL_INT(number)), NULL, &err),
                0, &err);
    callbacks_plan_changed(env.callbacks);
}

/* As if the time had come. */
static void make_due(int64_t number)
{
    put_off(number, 0);
}

static uint64_t count_of(enum call_count count)
{
    return atomic_load(&counts.values[count]);
}

static void a_result_is_posted_once(void **state)
{
    (void)state;
    int64_t number = end_one("/good", CALL_DONE);
    struct callback_record record = await(number, 1);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    assert_int_equal(record.status, 204);
    callback_record_clear(&record);
    pass();
    assert_string_equal(strbuf_text(&server.seen), "POST /good HTTP/1.1\n");
    assert_string_equal(strbuf_text(&server.bodies), "made\n");
    assert_int_equal(count_of(CALL_COUNT_CALLBACKS_DELIVERED), 1);
}

/* A receiver that is away for a minute is back before the last try, whatever chance says. */
static void it_is_given_up_after_the_last_retry(void **state)
{
    (void)state;
    int64_t number = end_one("/bad", CALL_DEAD);
    uint64_t waited_ms = 0;
    for (unsigned attempt = 1; attempt <= 5; attempt++) {
        struct callback_record record = await(number, attempt);
        assert_int_equal(record.state, CALLBACK_STATE_WAITING);
        assert_string_equal(record.reason, "status");
        uint64_t most_ms = (uint64_t)RETRY_MS << (attempt - 1), wait_ms = record.due_ms - record.ended_ms;
        assert_in_range(wait_ms, most_ms / 2, most_ms);
        waited_ms += wait_ms;
        callback_record_clear(&record);
        make_due(number);
    }
    struct callback_record last = await(number, 6);
    assert_int_equal(last.state, CALLBACK_STATE_GIVEN_UP);
    callback_record_clear(&last);
    assert_true(waited_ms > 60000);
    assert_int_equal(count_of(CALL_COUNT_CALLBACKS_FAILED), 5);
    assert_int_equal(count_of(CALL_COUNT_CALLBACKS_GIVEN_UP), 1);
}

static void a_receiver_that_asks_for_time_gets_it(void **state)
{
    (void)state;
    struct callback_record record = await(end_one("/busy", CALL_DONE), 1);
    assert_int_equal(record.due_ms - record.ended_ms, 90000);
    callback_record_clear(&record);
}

/* The status is what counts. */
static void an_answer_without_end_is_not_waited_for(void **state)
{
    (void)state;
    struct callback_record record = await(end_one("/endless", CALL_DONE), 1);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&record);
}

static void what_cannot_be_signed_is_not_posted(void **state)
{
    (void)state;
    char secret[] = "signing";
    struct call_settings settings = {.result_ttl_ms = 60000, .callback_secret = secret};
    plan(&settings);
    int64_t number = end_one("/good", CALL_DONE);
    struct callback_record record = await(number, 1);
    assert_int_equal(record.state, CALLBACK_STATE_WAITING);
    assert_string_equal(record.reason, "secret-missing");
    callback_record_clear(&record);
    assert_int_equal(server.requests, 0);

    /* Nor when the function's settings say otherwise meanwhile. */
    plan(&(struct call_settings){.result_ttl_ms = 60000});
    make_due(number);
    record = await(number, 2);
    assert_string_equal(record.reason, "secret-missing");
    callback_record_clear(&record);
    assert_int_equal(server.requests, 0);

    struct locked key = locked_make(1);
    key.bytes[0] = 'k';
    plan(&settings);
    call_plan_add_key(env.plan, secret, &key);
    make_due(number);
    record = await(number, 3);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&record);
}

static void nothing_is_posted_of_a_turn_that_failed(void **state)
{
    (void)state;
    struct call_record record = run_one("/good");
    struct callback_record callback;
    end_in_turn(&record, CALL_DONE);
    error_set(&err, ERROR_CALLS_STORE, "the store refuses");
    turn_fail(env.turn, &err);
    turn_end(env.turn);
    pass();
    play_expect(call_callbacks_find(play_store, record.number, &callback, &err), 0, &err);
    assert_int_equal(server.requests, 0);
    end_in_turn(&record, CALL_DONE);
    turn_end(env.turn);
    callback = await(record.number, 1);
    assert_int_equal(callback.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&callback);
    call_record_clear(&record);
}

/* It is written down again, and not posted again. */
static void an_end_that_is_not_kept_is_noted_again(void **state)
{
    (void)state;
    struct callback_record record;
    int64_t number = end_one("/good", CALL_DONE);
    for (unsigned tries = 0; server.requests == 0 && tries < GUARD_S * 50; tries++)
        pass();
    error_set(&err, ERROR_CALLS_STORE, "the store refuses");
    for (unsigned tries = 0; count_of(CALL_COUNT_CALLBACKS_DELIVERED) == 0 && tries < 5; tries++) {
        turn_fail(env.turn, &err);
        pass();
    }
    record = await(number, 1);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&record);
    assert_int_equal(server.requests, 1);
}

/* Has the callback of a call that has ended begin, within the turn; its number. */
static int64_t begin_in_turn(void)
{
    int64_t number = end_one("/good", CALL_DONE);
    callbacks_plan_changed(env.callbacks);
    event_base_loop(env.base, EVLOOP_NONBLOCK);
    struct callback_record record = find(number);
    assert_int_equal(record.state, CALLBACK_STATE_POSTING);
    callback_record_clear(&record);
    return number;
}

static void expect_posted_once(int64_t number)
{
    struct callback_record record = await(number, 1);
    assert_int_equal(record.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&record);
    assert_int_equal(server.requests, 1);
    assert_int_equal(count_of(CALL_COUNT_CALLBACKS_DELIVERED), 1);
    assert_int_equal(count_of(CALL_COUNT_CALLBACKS_FAILED), 0);
}

static void a_beginning_that_is_not_kept_is_put_back(void **state)
{
    (void)state;
    int64_t number = begin_in_turn();
    error_set(&err, ERROR_CALLS_STORE, "the store refuses");
    turn_fail(env.turn, &err);
    expect_posted_once(number);
}

/* As when only the sync of the disk has failed, and nothing can be written for a while. */
static void a_beginning_that_was_kept_all_the_same_is_put_back(void **state)
{
    (void)state;
    int64_t number = begin_in_turn();
    struct error refusal;
    error_set(&refusal, ERROR_CALLS_STORE, "the store refuses");
    play_expect(call_store_commit(play_store, false, &err), 0, &err);
    for (unsigned turn = 0; turn < 3; turn++) {
        callbacks_plan_changed(env.callbacks);
        event_base_loop(env.base, EVLOOP_NONBLOCK);
        turn_fail(env.turn, &refusal);
        turn_end(env.turn);
    }
    assert_int_equal(server.requests, 0);
    expect_posted_once(number);
}

static void one_that_was_kept_all_the_same_is_posted(void **state)
{
    (void)state;
    struct call_record record = run_one("/good");
    struct error refusal;
    error_set(&refusal, ERROR_CALLS_STORE, "the store refuses");
    end_in_turn(&record, CALL_DONE);
    play_expect(call_store_commit(play_store, false, &err), 0, &err);
    turn_fail(env.turn, &refusal);
    turn_end(env.turn);
    end_in_turn(&record, CALL_DONE);
    turn_end(env.turn);
    expect_posted_once(record.number);
    call_record_clear(&record);
}

/* What is due in an hour was put off when the clock said something else. */
static void a_clock_that_is_set_back_holds_up_none(void **state)
{
    (void)state;
    int64_t number = end_one("/good", CALL_DONE);
    put_off(number, wall_clock_ms() + RETRY_MAX_MS);
    pass();
    assert_int_equal(server.requests, 0);
    put_off(number, wall_clock_ms() + 3600 * 1000);
    expect_posted_once(number);
}

static void stopped_ones_begin_no_more(void **state)
{
    (void)state;
    callbacks_stop(env.callbacks);
    int64_t number = end_one("/good", CALL_DONE);
    for (unsigned i = 0; i < 3; i++)
        pass();
    struct callback_record record = find(number);
    assert_int_equal(record.state, CALLBACK_STATE_WAITING);
    assert_int_equal(record.attempts, 0);
    callback_record_clear(&record);
    assert_int_equal(server.requests, 0);
}

/* --- what follows --- */

/* The one call that the end of another has called. The caller clears the page. */
static struct call_page following(void)
{
    const struct call_filter filter = {.function = "next", .state = -1, .limit = 10};
    struct call_page page;
    play_expect(call_page_read(play_store, &filter, &page, &err), 0, &err);
    return page;
}

static void expect_head(int64_t number, const char *part)
{
    struct call_record record = play_find(number);
    if (!strstr(record.head, part))
        fail_msg("%s is not in %s", part, record.head);
    call_record_clear(&record);
}

static void the_function_for_that_state_is_called(void **state)
{
    (void)state;
    static const struct {
        enum call_state state;
        size_t success, failure;
    } cases[] = {{CALL_DONE, 1, 0}, {CALL_DEAD, 0, 1}};
    char next[] = "next";
    for (size_t i = 0; i < 2; i++) {
        plan(&(struct call_settings){
            .result_ttl_ms = 1, .on_success = i == 0 ? next : NULL, .on_failure = i == 1 ? next : NULL});
        struct call_record record = run_one(NULL);
        end_in_turn(&record, cases[i].state);
        turn_end(env.turn);
        struct call_page page = following();
        assert_int_equal(page.count, i + 1);
        assert_string_equal(page.records[0].origin, record.id);
        assert_string_equal(page.records[0].method, "POST");
        assert_int_equal(page.records[0].body_size, 4);
        expect_head(page.records[0].number, "X-Function-Status: 200\r\nX-Result-Cut: true\r\n");
        assert_int_equal(page.records[0].state, CALL_WAITING);
        call_page_clear(&page);
        assert_int_equal(put_count, i + 1);
        assert_string_equal(put_function, "next");

        struct call_record other = run_one(NULL);
        end_in_turn(&other, cases[1 - i].state);
        turn_end(env.turn);
        assert_int_equal(put_count, i + 1);
        call_record_clear(&other);
        call_record_clear(&record);
    }
}

/* As after a commit that the disk did not confirm. */
static void an_end_that_is_written_down_again_has_nothing_follow(void **state)
{
    (void)state;
    char next[] = "next";
    plan(&(struct call_settings){.result_ttl_ms = 1, .on_success = next});
    struct call_record record = run_one("/good");
    end_in_turn(&record, CALL_DONE);
    turn_end(env.turn);
    struct callback_record callback = await(record.number, 1);
    assert_int_equal(callback.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&callback);
    end_in_turn(&record, CALL_DONE);
    turn_end(env.turn);
    callback = find(record.number);
    assert_int_equal(callback.state, CALLBACK_STATE_DELIVERED);
    callback_record_clear(&callback);
    struct call_page page = following();
    assert_int_equal(page.count, 1);
    call_page_clear(&page);
    call_record_clear(&record);
}

static void a_function_that_is_not_there_is_a_dead_letter(void **state)
{
    (void)state;
    char gone[] = "gone";
    plan(&(struct call_settings){.result_ttl_ms = 1, .on_success = gone});
    end_one(NULL, CALL_DONE);
    const struct call_filter filter = {.function = "gone", .state = CALL_DEAD, .limit = 10};
    struct call_page page;
    play_expect(call_page_read(play_store, &filter, &page, &err), 0, &err);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.records[0].reason, "function-unknown");
    call_page_clear(&page);
    assert_int_equal(put_count, 0);
    assert_int_equal(count_of(CALL_COUNT_ACCEPTED), 1);
    assert_int_equal(count_of(CALL_COUNT_ENDED_DEAD), 1);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_bench(a_result_is_posted_once),
        with_bench(it_is_given_up_after_the_last_retry),
        with_bench(a_receiver_that_asks_for_time_gets_it),
        with_bench(an_answer_without_end_is_not_waited_for),
        with_bench(what_cannot_be_signed_is_not_posted),
        with_bench(nothing_is_posted_of_a_turn_that_failed),
        with_bench(an_end_that_is_not_kept_is_noted_again),
        with_bench(a_beginning_that_is_not_kept_is_put_back),
        with_bench(a_beginning_that_was_kept_all_the_same_is_put_back),
        with_bench(one_that_was_kept_all_the_same_is_posted),
        with_bench(a_clock_that_is_set_back_holds_up_none),
        with_bench(stopped_ones_begin_no_more),
        with_bench(the_function_for_that_state_is_called),
        with_bench(an_end_that_is_written_down_again_has_nothing_follow),
        with_bench(a_function_that_is_not_there_is_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
