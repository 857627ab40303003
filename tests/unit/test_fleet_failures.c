/* The whole fleet: functions that cannot be loaded, die, or are killed. */
#include "whole_fleet.h"

static void a_function_that_cannot_load_tells_its_callers(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(bench);
    serve(bench, "other");
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES);
    assert_refused(bench, "hello", "load-failed");
    assert_refused(bench, "hello", "load-failed"); /* at once: it backs off */
    serve(bench, "other");
    fake_engine_set_runner(bench->engine, RUNNER_SERVES);
    run_for(bench, 1200);
    serve(bench, "hello");
}

static void a_killed_instance_is_replaced_for_those_who_wait(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      max_scale: 1\n      concurrency: 1\n", NULL});
    start_settled(bench);
    struct request *held = ask(bench, "hello");
    UNTIL(bench, held->slot);
    struct request *waiting = ask(bench, "hello");
    fake_container_die(bench->engine, fake_engine_running(bench->engine), 137, true);
    finish_with(held, SLOT_BROKEN);
    UNTIL(bench, waiting->told);
    assert_non_null(waiting->slot);
    finish(waiting);
    const struct failure *last = function_last_failure(find(bench, "hello"));
    assert_string_equal(error_code_slug(last->cause->code), "out-of-memory");
    assert_true(last->at_ms > 0);
}

static bool has_ready(struct bench *bench, const char *name)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(function_current(find(bench, name))), &counts);
    return counts.instances > 0;
}

/* Ends what is ready, of which the fleet may not have heard yet. Returns how many there have been. */
static unsigned end_ready(struct bench *bench, const char *name)
{
    struct fake_container *running = fake_engine_running(bench->engine);
    if (running && has_ready(bench, name))
        fake_container_die(bench->engine, running, 1, false);
    return fake_engine_calls(bench->engine, FAKE_CREATE);
}

/* What loads and then dies at once must not be started again and again. */
static void a_function_that_keeps_dying_backs_off(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(bench);
    uint64_t end_ms = clock_ms() + 1500;
    while (clock_ms() < end_ms) {
        run_for(bench, 10);
        assert_in_range(end_ready(bench, "hello"), 0, 6);
    }
    UNTIL(bench, end_ready(bench, "hello") >= 5);
}

/* The runner closes its only connection under one request after the other, while its container goes on: the
 * next request is served by another instance, however young the last one is. */
static void nobody_waits_for_an_instance_without_slots(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      max_scale: 1\n      concurrency: 1\n", NULL});
    start_settled(bench);
    serve(bench, "hello");
    for (unsigned i = 0; i < 3; i++) {
        uint64_t began_ms = clock_ms();
        struct request *request = ask(bench, "hello");
        UNTIL(bench, request->told);
        assert_non_null(request->slot);
        assert_in_range(clock_ms() - began_ms, 0, 1500); /* pauses when it dies young are counted in */
        fake_container_hang_up(fake_engine_newest(bench->engine));
        finish_with(request, SLOT_LOST);
    }
    const struct failure *last = function_last_failure(find(bench, "hello"));
    UNTIL(bench, last->at_ms > 0);
    assert_string_equal(error_code_slug(last->cause->code), "runner-gone");
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
}

/* A request is given up, and its runner is still busy with it: its connection is away. The instance is there
 * all the same, and there are no more than there may be. */
static void an_instance_without_connections_counts(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      max_scale: 1\n      concurrency: 1\n", NULL});
    start_settled(bench);
    serve(bench, "hello");
    struct request *given_up = ask(bench, "hello");
    UNTIL(bench, given_up->told);
    struct request *waiting = ask(bench, "hello");
    finish_with(given_up, SLOT_BROKEN);
    run_for(bench, 300);
    assert_false(waiting->told);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 1);
    fake_container_dial(bench->engine, fake_engine_newest(bench->engine));
    UNTIL(bench, waiting->told);
    assert_non_null(waiting->slot);
    finish(waiting);
}

/* Somebody who kills its instances one after the other does not keep it from serving. */
static void a_function_that_is_killed_again_and_again_comes_back_soon(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(bench);
    for (unsigned kills = 1; kills <= 8; kills++) {
        UNTIL(bench, fake_engine_calls(bench->engine, FAKE_CREATE) == kills);
        UNTIL(bench, has_ready(bench, "hello"));
        fake_container_die(bench->engine, fake_engine_running(bench->engine), 137, false);
        uint64_t killed_ms = clock_ms();
        UNTIL(bench, fake_engine_calls(bench->engine, FAKE_CREATE) == kills + 1);
        assert_in_range(clock_ms() - killed_ms, 0, 2000);
    }
    serve(bench, "hello");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_function_that_cannot_load_tells_its_callers),
        FLEET_TEST(a_killed_instance_is_replaced_for_those_who_wait),
        FLEET_TEST(a_function_that_keeps_dying_backs_off),
        FLEET_TEST(nobody_waits_for_an_instance_without_slots),
        FLEET_TEST(an_instance_without_connections_counts),
        FLEET_TEST(a_function_that_is_killed_again_and_again_comes_back_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
