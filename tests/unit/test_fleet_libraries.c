/* The whole fleet: what becomes known of a function's libraries, and instances that have loaded them. */
#include "whole_fleet.h"

#include "base/cgroup.h"
#include "fleet/revision/revision.h"

#define LOADED    "{\"loaded\":true,\"modules\":[{\"name\":\"slow\",\"ms\":900}]}"
#define PREWARMED "{\"modules\":[{\"name\":\"slow\",\"ms\":900}],\"effects\":[]}"
#define DEPENDS   "      act: package:dependencies\n      idle_timeout: 200ms\n"

/* In place of the one in base: the runners that are played here would use what this process and all beside it
 * do. */
int cgroup_usage_of_process(pid_t process, struct cgroup_usage *ret_usage)
{
    (void)process;
    *ret_usage = (struct cgroup_usage){.memory_bytes = UINT64_C(20) << 20};
    return 0;
}

static struct revision *current(const struct bench *bench)
{
    return function_current(find(bench, "hello"));
}

/* Has the function loaded once, and waits for an instance with its libraries alone. */
static void begin_with_libraries(struct bench *bench)
{
    write_config(bench, ", prewarm: 1, prewarm_memory: 1Gi",
                 (const char *[]){"hello", "      idle_timeout: 200ms\n", NULL});
    fake_engine_set_answers(bench->engine, LOADED, PREWARMED);
    start_settled(bench);
    serve(bench, "hello");
    UNTIL(bench, revision_warm_ready(current(bench)) == 1 && fake_engine_count(bench->engine) == 2);
}

/* Who waits is served by an instance without them, and no error is told. */
static void what_does_not_load_with_libraries_is_loaded_without(void **state)
{
    struct bench *bench = *state;
    begin_with_libraries(bench);
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES_AHEAD);
    serve(bench, "hello");
    assert_non_null(strstr(revision_libraries_problem(current(bench)), "ImportError"));
    UNTIL(bench, fake_engine_count(bench->engine) == 1); /* the plain prewarmed one */
    serve(bench, "hello");
    assert_int_equal(revision_warm_ready(current(bench)), 0);
}

/* What fails without them too is not their doing: they are there again when it loads. */
static void libraries_come_back_when_it_was_not_they(void **state)
{
    struct bench *bench = *state;
    begin_with_libraries(bench);
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES);
    assert_refused(bench, "hello", "load-failed");
    assert_null(revision_libraries_problem(current(bench)));
    fake_engine_set_runner(bench->engine, RUNNER_SERVES);
    UNTIL(bench, fake_engine_count(bench->engine) > 0);
    run_for(bench, 1000); /* its pause is over; how long it is does not matter */
    serve(bench, "hello");
    UNTIL(bench, revision_warm_ready(current(bench)) > 0);
}

/* A runner that says nothing of modules when its revision is tried has no instance kept so that it may. */
static void a_runner_that_says_nothing_is_not_asked_for_ever(void **state)
{
    struct bench *bench = *state;
    const char *const host = ", prewarm: 1, prewarm_memory: 1Gi";
    write_config(bench, host, (const char *[]){"hello", DEPENDS, NULL});
    start_settled(bench);
    struct revision *first = current(bench);
    write_config(bench, host, (const char *[]){"hello", DEPENDS "      environment: {A: b}\n", NULL});
    fleet_reload(bench->fleet);
    UNTIL(bench, current(bench) != first);
    serve(bench, "hello");
    UNTIL(bench, fake_engine_count(bench->engine) == 1); /* the prewarmed one */
    json_t *kept = revision_modules_to_keep(current(bench));
    assert_true(json_is_null(kept)); /* nor is the next daemon to ask */
    json_decref(kept);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(what_does_not_load_with_libraries_is_loaded_without),
        FLEET_TEST(libraries_come_back_when_it_was_not_they),
        FLEET_TEST(a_runner_that_says_nothing_is_not_asked_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
