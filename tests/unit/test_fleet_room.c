/* The whole fleet: who gets room on a host that is full. */
#include "whole_fleet.h"

static void idle_instances_make_room_for_demand(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", max_instances: 2",
                 (const char *[]){"one", "", "two", "", "three", "      min_scale: 1\n", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    serve(bench, "one");
    assert_int_equal(fake_engine_count(bench->engine), 2);
    uint64_t began_ms = clock_ms();
    serve(bench, "two"); /* long before the idle time-out of "one"; the minimum of "three" stays */
    serve(bench, "three");
    serve(bench, "one");
    assert_true(clock_ms() - began_ms < 5000);
    assert_true(fake_engine_count(bench->engine) <= 2);
}

static void prewarmed_instances_make_room_for_demand(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", max_instances: 2, prewarm: 2",
                 (const char *[]){"one", "      concurrency: 1\n", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 2);
    run_for(bench, 100);
    struct request *first = ask(bench, "one");
    UNTIL(bench, first->slot); /* it takes a prewarmed one although the host is full */
    struct request *second = ask(bench, "one");
    UNTIL(bench, second->slot);
    run_for(bench, 200);
    assert_int_equal(fake_engine_count(bench->engine), 2);
    finish(first);
    finish(second);
}

/* Runs the loop until the function has another revision than `old`; never more than one container is there.
 */
static void await_takeover(struct bench *bench, const struct revision *old)
{
    uint64_t end_ms = clock_ms() + GUARD_MS;
    while (function_current(find(bench, "hello")) == old) {
        run_for(bench, 2);
        assert_true(fake_engine_count(bench->engine) <= 1);
        assert_true(fleet_current_budget(bench->fleet)->instances <= 1);
        assert_true(clock_ms() < end_ms);
    }
}

/* The new revision is tried in the place of the old one's instance when there is no other. */
static void a_trial_keeps_to_the_budget(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", max_instances: 1", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(bench);
    serve(bench, "hello");
    struct revision *old = function_current(find(bench, "hello"));
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    await_takeover(bench, old);
    serve(bench, "hello");
    assert_int_equal(fake_engine_count(bench->engine), 1);
}

/* The old revision is never idle: it drains, who asks meanwhile waits, and nothing locks up. */
static void a_trial_gets_its_turn_on_a_busy_host(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", max_instances: 1", (const char *[]){"hello", "      concurrency: 1\n", NULL});
    start_settled(bench);
    struct request *held = ask(bench, "hello");
    UNTIL(bench, held->slot);
    struct revision *old = function_current(find(bench, "hello"));
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    run_for(bench, 500);
    struct request *waiting = ask(bench, "hello");
    run_for(bench, 2500);
    assert_ptr_equal(function_current(find(bench, "hello")), old);
    assert_false(waiting->told);
    finish(held); /* the last request of the old instance */
    await_takeover(bench, old);
    UNTIL(bench, waiting->slot);
    finish(waiting);
}

/* One that fails gives the room back to the old revision. */
static void a_failed_trial_gives_its_room_back(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", max_instances: 1", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES);
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    UNTIL(bench, function_problem(find(bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(bench, "hello"))->code), "load-failed");
    fake_engine_set_runner(bench->engine, RUNNER_SERVES);
    serve(bench, "hello");
}

/* What no room will ever be enough for is refused instead of waited for. */
static void a_trial_larger_than_the_host_fails(void **state)
{
#define SIZED(memory)                                                                                        \
    "host: {prewarm: 0, max_memory: 100Mi}\nusable-functions:\n  hello:\n"                                   \
    "    configuration: {language: acting, folder: code, file: main.x, memory: " memory "}\n"
    struct bench *bench = *state;
    write_file(bench, "config.yml", SIZED("64Mi"));
    start_settled(bench);
    write_file(bench, "config.yml", SIZED("128Mi"));
    fleet_reload(bench->fleet);
    UNTIL(bench, function_problem(find(bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(bench, "hello"))->code), "host-full");
    serve(bench, "hello");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(idle_instances_make_room_for_demand), FLEET_TEST(prewarmed_instances_make_room_for_demand),
        FLEET_TEST(a_trial_keeps_to_the_budget),         FLEET_TEST(a_trial_gets_its_turn_on_a_busy_host),
        FLEET_TEST(a_failed_trial_gives_its_room_back),  FLEET_TEST(a_trial_larger_than_the_host_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
