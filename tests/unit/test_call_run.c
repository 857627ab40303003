/* Runs of calls that do not come to a delivery, with a store of the test's own. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/call_run.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE 100000u

static struct calls_env env;
static struct call_counts counts;
static struct lanes lanes;
static struct call_runs runs;
static struct error err;
static uint64_t now_ms;

static int begin(void **state)
{
    play_begin(state);
    now_ms = wall_clock_ms();
    counts = (struct call_counts){0};
    runs = (struct call_runs){0};
    env = (struct calls_env){.base = event_base_new(),
                             .store = play_store,
                             .turn = turn_create(play_store),
                             .plan = call_plan_create(),
                             .counts = &counts};
    call_plan_add(env.plan, "f", &(struct call_settings){.concurrency = 1, .max_age_ms = 3600 * 1000});
    lanes_init(&lanes, &env);
    return 0;
}

static int end(void **state)
{
    call_runs_clear(&runs);
    lanes_clear(&lanes);
    call_plan_destroy(env.plan);
    turn_destroy(env.turn);
    event_base_free(env.base);
    return play_end(state);
}

/* Accepts one whose body is a file; its number. */
static int64_t put_large(void)
{
    static const char id[] = "00000000000000000000000000000001";
    char *file = play_body_file(LARGE);
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.file = file, .size = LARGE},
                                  .accepted_ms = now_ms,
                                  .due_ms = now_ms};
    int64_t number;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    free(file);
    return number;
}

/* Has the only call that waits begin, within the turn; the path of its body, or NULL. The caller frees it. */
static char *begin_next(void)
{
    struct call_store *store;
    struct call_record record;
    play_expect(turn_enter(env.turn, &store, &err), 0, &err);
    play_expect(call_store_next(store, "f", now_ms, A_WAIT_MS, &record, &err), 1, &err);
    char *body = record.body_file ? xstrdup(record.body_file) : NULL;
    play_expect(call_run_begin(&runs, lanes_find(&lanes, "f"), store, &record, now_ms, &err), 0, &err);
    return body;
}

static void end_turns(void)
{
    while (turn_is_open(env.turn))
        turn_end(env.turn);
}

/* No attempt was counted, and nothing of it is left. */
static void expect_put_back(int64_t number)
{
    struct call_record record = play_find(number);
    assert_int_equal(record.state, CALL_WAITING);
    assert_int_equal(record.attempts, 0);
    call_record_clear(&record);
    assert_int_equal(lanes_find(&lanes, "f")->running, 0);
    assert_true(LIST_EMPTY(&runs.list));
    uint64_t held_ms = lane_held_ms(lanes_find(&lanes, "f"), clock_ms());
    assert_in_range(held_ms, 1, 5000);
    assert_int_equal(atomic_load(&counts.values[CALL_COUNT_ATTEMPTS_PUT_BACK]), 1);
}

static void beginning_that_is_not_kept_is_put_back(void **state)
{
    (void)state;
    int64_t number = play_put("f", now_ms, now_ms, "1");
    free(begin_next());
    turn_fail(env.turn, &err);
    end_turns();
    expect_put_back(number);
}

/* As when only the sync of the disk has failed. */
static void beginning_that_was_kept_all_the_same_is_put_back(void **state)
{
    (void)state;
    int64_t number = play_put("f", now_ms, now_ms, "1");
    free(begin_next());
    play_expect(call_store_commit(play_store, false, &err), 0, &err);
    play_expect_state(number, CALL_RUNNING);
    turn_fail(env.turn, &err);
    end_turns();
    expect_put_back(number);
}

static void beginning_that_cannot_be_put_back_yet_is_still_known(void **state)
{
    (void)state;
    int64_t number = play_put("f", now_ms, now_ms, "1");
    free(begin_next());
    for (unsigned turn = 0; turn < 2; turn++) {
        turn_fail(env.turn, &err);
        turn_end(env.turn);
    }
    assert_false(turn_is_open(env.turn));
    play_expect_state(number, CALL_WAITING);
    assert_true(call_runs_have(&runs, number));
    assert_false(call_runs_have(&runs, number + 1));
}

static void call_whose_body_cannot_be_read_now_is_put_back(void **state)
{
    (void)state;
    int64_t number = put_large();
    char *body = begin_next();
    assert_int_equal(unlink(body), 0);
    assert_int_equal(mkdir(body, 0700), 0);
    end_turns();
    expect_put_back(number);
    assert_int_equal(rmdir(body), 0);
    free(body);
}

static void call_whose_body_has_gone_is_dead(void **state)
{
    (void)state;
    int64_t number = put_large();
    char *body = begin_next();
    assert_int_equal(unlink(body), 0);
    free(body);
    end_turns();
    struct call_record record = play_find(number);
    assert_int_equal(record.state, CALL_DEAD);
    assert_string_equal(record.reason, "body-lost");
    call_record_clear(&record);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(beginning_that_is_not_kept_is_put_back),
        TEST(beginning_that_was_kept_all_the_same_is_put_back),
        TEST(beginning_that_cannot_be_put_back_yet_is_still_known),
        TEST(call_whose_body_cannot_be_read_now_is_put_back),
        TEST(call_whose_body_has_gone_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
