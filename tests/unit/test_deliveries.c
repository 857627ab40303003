/* Which calls begin, and when, with a store of the test's own; none comes to a delivery. */
#include "call_store_play.h"

#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/deliveries.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_MS (60ull * 1000)

static struct calls_env env;
static struct call_counts counts;
static struct deliveries *deliveries;

static int begin(void **state)
{
    play_begin(state);
    counts = (struct call_counts){0};
    env = (struct calls_env){.base = event_base_new(),
                             .store = play_store,
                             .turn = turn_create(play_store),
                             .plan = call_plan_create(),
                             .counts = &counts};
    call_plan_add(env.plan, "f",
                  &(struct call_settings){
                      .concurrency = 9, .retry_wait_max_ms = 10 * MINUTE_MS, .max_age_ms = 60 * MINUTE_MS});
    deliveries = deliveries_create(&env);
    return 0;
}

static int end(void **state)
{
    deliveries_destroy(deliveries);
    call_plan_destroy(env.plan);
    turn_destroy(env.turn);
    event_base_free(env.base);
    return play_end(state);
}

/* Begins what is due, in a turn that is not kept; how many calls that were. */
static unsigned count_begun(void)
{
    struct call_sums sums;
    struct error err;
    deliveries_look(deliveries, "f");
    deliveries_fill(deliveries);
    call_store_sums(play_store, &sums);
    error_set(&err, ERROR_CALLS_DISK_FULL, "the disk is full");
    turn_fail(env.turn, &err);
    while (turn_is_open(env.turn))
        turn_end(env.turn);
    return (unsigned)sums.by_state[CALL_RUNNING];
}

static void a_call_begins_when_it_is_due(void **state)
{
    (void)state;
    uint64_t now_ms = wall_clock_ms();
    play_put("f", now_ms, now_ms, "1");
    play_put("f", now_ms, now_ms + 10 * MINUTE_MS, "2");
    assert_int_equal(count_begun(), 1);
}

/* What is due in an hour was put off when the clock said something else. */
static void a_clock_that_is_set_back_holds_up_none(void **state)
{
    (void)state;
    uint64_t now_ms = wall_clock_ms();
    play_put("f", now_ms, now_ms + 60 * MINUTE_MS, "1");
    assert_int_equal(count_begun(), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_begins_when_it_is_due),
        TEST(a_clock_that_is_set_back_holds_up_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
