/* Prewarmed instances that have loaded libraries: how many there are, who hears of them, and whose they are.
 */
#include "fleet/scale/prewarm.h"

#include "base/alloc.h"
#include "fleet_bench.h"

#include <signal.h>

#define MEMORY  (UINT64_C(64) << 20)
#define EFFECTS "{\"modules\":[],\"effects\":[{\"module\":\"a\",\"effect\":\"starts a thread\"}]}"

/* A function that has joined. */
struct member {
    struct bench *bench;
    struct prewarm *prewarm;
    struct prewarm_pool *pool; /* NULL: it has left */
    struct prewarm_listener listener;
    unsigned loaded, failed;
    bool leaves; /* when it hears of something */
    struct error cause; /* of the last failure */
};

static void leave(struct member *member)
{
    if (member->pool)
        prewarm_leave_libraries(steal(&member->pool), &member->listener);
}

static void on_loaded(void *owner, const json_t *report, uint64_t memory_bytes)
{
    struct member *member = owner;
    assert_true(json_is_object(report));
    (void)memory_bytes; /* the containers of this engine use none */
    member->loaded++;
    if (member->leaves)
        leave(member);
}

static void on_failed(void *owner, const struct error *cause)
{
    struct member *member = owner;
    assert_true(*cause->message);
    member->cause = *cause;
    member->failed++;
    leave(member);
}

static struct container_spec spec_of(const char *ahead)
{
    return (struct container_spec){.runtime = "acting",
                                   .image = "image",
                                   .dependencies = "0123",
                                   .ahead = ahead,
                                   .memory_bytes = MEMORY,
                                   .cpus = 1};
}

static void join_timed(struct member *member, struct bench *bench, struct prewarm *prewarm, const char *ahead,
                       unsigned start_timeout_ms)
{
    struct container_spec spec = spec_of(ahead);
    *member = (struct member){.bench = bench,
                              .prewarm = prewarm,
                              .listener = {.loaded = on_loaded, .failed = on_failed, .owner = member}};
    member->pool = prewarm_join_libraries(prewarm, &spec, start_timeout_ms, &member->listener);
}

static void join(struct member *member, struct bench *bench, struct prewarm *prewarm, const char *ahead)
{
    join_timed(member, bench, prewarm, ahead, 0);
}

static bool has_one(void *context)
{
    return prewarm_ready(((const struct member *)context)->pool) == 1;
}

static bool has_two(void *context)
{
    return prewarm_ready(((const struct member *)context)->pool) == 2;
}

static bool is_empty(void *context)
{
    return fake_engine_count(((const struct member *)context)->bench->engine) == 0;
}

static bool has_failed(void *context)
{
    return ((const struct member *)context)->failed > 0;
}

static bool has_heard(void *context)
{
    return ((const struct member *)context)->loaded > 0;
}

static void there_are_as_many_as_are_wanted(void **state)
{
    struct bench *bench = *state;
    struct member member;
    struct prewarm *prewarm = bench->env.prewarm;
    join(&member, bench, prewarm, "{}");
    bench_idle(bench, 50);
    assert_int_equal(fake_engine_count(bench->engine), 0);
    prewarm_want(member.pool, 2);
    bench_until(bench, has_two, &member, "two");
    assert_int_equal(member.loaded, 2);
    prewarm_want(member.pool, 1);
    bench_until(bench, has_one, &member, "one");
    leave(&member);
    bench_until(bench, is_empty, &member, "none");
}

/* Those for which all is the same share a pool; limits and dependencies are of that, too. */
static void only_those_share_that_want_the_same(void **state)
{
    struct bench *bench = *state;
    struct member one, two, other;
    struct container_spec spec = spec_of("{}");
    join(&one, bench, bench->env.prewarm, "{}");
    join(&two, bench, bench->env.prewarm, "{}");
    join(&other, bench, bench->env.prewarm, "{\"modules\":[]}");
    assert_ptr_equal(one.pool, two.pool);
    assert_ptr_not_equal(one.pool, other.pool);
    leave(&other);
    spec.memory_bytes = 2 * MEMORY;
    other.pool = prewarm_join_libraries(bench->env.prewarm, &spec, 0, &other.listener);
    assert_ptr_not_equal(one.pool, other.pool);
    leave(&other);
    spec = spec_of("{}");
    spec.dependencies = "4567";
    other.pool = prewarm_join_libraries(bench->env.prewarm, &spec, 0, &other.listener);
    assert_ptr_not_equal(one.pool, other.pool);
    leave(&other);
    prewarm_want(one.pool, 1);
    bench_until(bench, has_one, &one, "one");
    assert_int_equal(one.loaded, 1);
    assert_int_equal(two.loaded, 1);
    leave(&two);
    assert_int_equal(prewarm_ready(one.pool), 1);
    leave(&one);
    bench_until(bench, is_empty, &one, "none");
}

/* The instance goes with the pool that all have left, while it tells them. */
static void all_may_leave_when_they_hear_of_effects(void **state)
{
    struct bench *bench = *state;
    struct member one, two;
    fake_engine_set_answers(bench->engine, "{}", EFFECTS);
    join(&one, bench, bench->env.prewarm, "{}");
    join(&two, bench, bench->env.prewarm, "{}");
    one.leaves = two.leaves = true;
    prewarm_want(one.pool, 1);
    bench_until(bench, has_heard, &one, "the effects to be told");
    assert_int_equal(two.loaded, 1);
    assert_true(!one.pool && !two.pool);
    bench_until(bench, is_empty, &one, "none");
}

static void what_is_refused_is_not_tried_again(void **state)
{
    struct bench *bench = *state;
    struct member member;
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES);
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 1);
    bench_until(bench, has_failed, &member, "the failure to be told");
    bench_until(bench, is_empty, &member, "none");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_START), 1);
}

static void what_ends_its_runner_is_tried_a_few_times(void **state)
{
    struct bench *bench = *state;
    struct member member;
    fake_engine_set_runner(bench->engine, RUNNER_DIES);
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 1);
    bench_until(bench, has_failed, &member, "the failure to be told");
    bench_until(bench, is_empty, &member, "none");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_START), 3);
    assert_non_null(strstr(member.cause.message, "it loaded libraries"));
}

static void what_ends_once_it_waits_is_tried_a_few_times(void **state)
{
    struct bench *bench = *state;
    struct member member;
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 1);
    for (unsigned i = 0; i < 3; i++) {
        bench_until(bench, has_one, &member, "one");
        struct instance *instance = prewarm_next(member.pool);
        fake_container_die(bench->engine, fake_engine_newest(bench->engine), 3, false);
        instance_container_died(instance); /* nobody watches this engine */
        bench_until(bench, is_empty, &member, "its removal");
    }
    bench_until(bench, has_failed, &member, "the failure to be told");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_START), 3);
}

static void loading_has_the_time_of_the_function_that_has_most(void **state)
{
    struct bench *bench = *state;
    struct member one, two;
    bench->host.start_timeout_ms = 100;
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    join_timed(&one, bench, bench->env.prewarm, "{}", 600000);
    join(&two, bench, bench->env.prewarm, "{}");
    prewarm_want(one.pool, 1);
    bench_idle(bench, 500);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_START), 1);
    assert_int_equal(fake_engine_count(bench->engine), 1);
    assert_int_equal(prewarm_library_count(bench->env.prewarm), 1); /* it is about to */
    leave(&one);
    leave(&two);
    bench_until(bench, is_empty, &one, "none");
}

static void loading_has_no_more_time_than_the_function(void **state)
{
    struct bench *bench = *state;
    struct member member;
    bench->host.start_timeout_ms = 600000;
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    join_timed(&member, bench, bench->env.prewarm, "{}", 100);
    prewarm_want(member.pool, 1);
    bench_until(bench, has_failed, &member, "the failure to be told");
    bench_until(bench, is_empty, &member, "none");
}

static bool starts_two(void *context)
{
    return fake_engine_calls(((const struct member *)context)->bench->engine, FAKE_START) == 2;
}

static void one_that_starts_goes_before_one_that_is_ready(void **state)
{
    struct bench *bench = *state;
    struct member member;
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 1);
    bench_until(bench, has_one, &member, "one");
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    prewarm_want(member.pool, 2);
    bench_until(bench, starts_two, &member, "another to be started");
    prewarm_want(member.pool, 1);
    assert_int_equal(prewarm_ready(member.pool), 1);
    assert_int_equal(prewarm_library_count(bench->env.prewarm), 1);
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){0});
    fake_engine_release(bench->engine, FAKE_START);
    leave(&member);
    bench_until(bench, is_empty, &member, "none");
}

static void what_is_being_removed_is_not_wanted_again(void **state)
{
    struct bench *bench = *state;
    struct member one, two;
    join(&one, bench, bench->env.prewarm, "{}");
    prewarm_want(one.pool, 1);
    bench_until(bench, has_one, &one, "one");
    prewarm_want(one.pool, 0);
    join(&two, bench, bench->env.prewarm, "{}");
    assert_int_equal(prewarm_wanted(one.pool), 0);
    leave(&one);
    leave(&two);
    bench_until(bench, is_empty, &one, "none");
}

/* However often it is asked for while the first one goes. */
static void no_more_go_than_others_lack(void **state)
{
    struct bench *bench = *state;
    struct member member;
    struct container_spec plain = spec_of(NULL);
    bench->env.engine->budget.max_instances = 2;
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 2);
    bench_until(bench, has_two, &member, "two");
    struct prewarm_pool *pool = prewarm_join(bench->env.prewarm, &plain, false);
    prewarm_refill(bench->env.prewarm);
    assert_int_equal(prewarm_ready(member.pool), 1);
    leave(&member);
    prewarm_leave(pool);
    bench_until(bench, is_empty, &member, "none");
}

/* They go before others do. */
static void they_are_given_up_first(void **state)
{
    struct bench *bench = *state;
    struct member member;
    struct container_spec plain = spec_of(NULL);
    struct prewarm_pool *pool = prewarm_join(bench->env.prewarm, &plain, false);
    join(&member, bench, bench->env.prewarm, "{}");
    prewarm_want(member.pool, 1);
    bench_until(bench, has_one, &member, "one with libraries");
    assert_int_equal(prewarm_ready(pool), 1);
    bench->env.engine->budget.short_of_room = true;
    assert_true(prewarm_give_up(bench->env.prewarm));
    assert_int_equal(prewarm_ready(member.pool), 0);
    assert_int_equal(prewarm_ready(pool), 1);
    leave(&member);
    prewarm_leave(pool);
    bench_until(bench, is_empty, &member, "none");
}

static int begin(void **state)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    bench_open(bench);
    bench->env.prewarm = prewarm_create(&bench->env);
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    bench_idle(bench, 30);
    prewarm_destroy(bench->env.prewarm);
    bench_close(bench);
    free(bench);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_are_as_many_as_are_wanted, begin, end),
        cmocka_unit_test_setup_teardown(only_those_share_that_want_the_same, begin, end),
        cmocka_unit_test_setup_teardown(all_may_leave_when_they_hear_of_effects, begin, end),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(what_ends_its_runner_is_tried_a_few_times, begin, end),
        cmocka_unit_test_setup_teardown(what_ends_once_it_waits_is_tried_a_few_times, begin, end),
        cmocka_unit_test_setup_teardown(loading_has_the_time_of_the_function_that_has_most, begin, end),
        cmocka_unit_test_setup_teardown(loading_has_no_more_time_than_the_function, begin, end),
        cmocka_unit_test_setup_teardown(one_that_starts_goes_before_one_that_is_ready, begin, end),
        cmocka_unit_test_setup_teardown(what_is_being_removed_is_not_wanted_again, begin, end),
        cmocka_unit_test_setup_teardown(no_more_go_than_others_lack, begin, end),
        cmocka_unit_test_setup_teardown(they_are_given_up_first, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
