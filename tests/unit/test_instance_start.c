/* One instance on its way up, against an engine and a runner that fail in every way they can. */
#include "instance_probe.h"

#include <signal.h>

/* Everything that can go wrong on the way up, and what the waiting requests are told. */
static const struct misfortune {
    const char *name;
    enum fake_op op;
    struct fake_plan plan;
    enum fake_runner runner;
    unsigned start_timeout_ms;
    const char *component, *reason, *words;
} misfortunes[] = {
    {"create fails", FAKE_CREATE, {.status = 500}, 0, 0, "docker", "docker-error", "as planned"},
    {"the image is missing", FAKE_CREATE, {.status = 404}, 0, 0, "docker", "image-missing", "as planned"},
    {"create fails though it was done",
     FAKE_CREATE,
     {.status = 500, .done = true},
     0,
     0,
     "docker",
     "docker-error",
     "as planned"},
    {"start is refused", FAKE_START, {.status = 400}, 0, 0, "docker", "docker-request", "as planned"},
    {"start fails", FAKE_START, {.status = 500}, 0, 0, "docker", "docker-error", "as planned"},
    {"it never dials", FAKE_OPS, {0}, RUNNER_ABSENT, 200, "fleet", "start-timeout", "200 ms"},
    {"it exits before it dials",
     FAKE_OPS,
     {0},
     RUNNER_EXITS,
     0,
     "container",
     "container-exited",
     "code 1 while it was starting"},
    {"it refuses to load", FAKE_OPS, {0}, RUNNER_REFUSES, 0, "runner", "load-failed", "no module x"},
    {"it never answers init", FAKE_OPS, {0}, RUNNER_SILENT, 200, "fleet", "start-timeout", "200 ms"},
    {"it dies while it loads",
     FAKE_OPS,
     {0},
     RUNNER_DIES,
     0,
     "container",
     "container-exited",
     "code 3 while it loaded"},
    {"it hangs up and lives on",
     FAKE_OPS,
     {0},
     RUNNER_HANGS_UP,
     0,
     "runner",
     "runner-gone",
     "closed its connection"},
};

static void every_misfortune_is_told_and_leaves_nothing(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    for (size_t i = 0; i < sizeof(misfortunes) / sizeof(misfortunes[0]); i++) {
        const struct misfortune *now = &misfortunes[i];
        print_message("%s\n", now->name);
        if (now->op != FAKE_OPS)
            fake_engine_plan(bench->engine, now->op, now->plan);
        if (now->start_timeout_ms)
            bench->host.start_timeout_ms = now->start_timeout_ms;
        fake_engine_set_runner(bench->engine, now->runner);
        start(probe);
        bench_until(bench, is_failed, probe, "failed");
        assert_cause(probe, now->component, now->reason, now->words);
        await_gone(probe);
        assert_int_equal(probe->ready, 0);
        probe_renew(probe);
    }
}

static void a_slow_engine_times_out_and_leaves_nothing(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    static const enum fake_op ops[] = {FAKE_CREATE, FAKE_START};
    for (size_t i = 0; i < 2; i++) {
        bench->host.start_timeout_ms = 100;
        fake_engine_plan(bench->engine, ops[i], (struct fake_plan){.hold = true});
        start(probe);
        bench_until(bench, is_failed, probe, "failed");
        assert_cause(probe, "docker", "start-timeout", "100 ms");
        assert_int_equal(probe->gone, 0); /* what the engine may still do is waited for */
        fake_engine_release(bench->engine, ops[i]);
        await_gone(probe);
        probe_renew(probe);
    }
}

static void do_nothing(void *owner)
{
    (void)owner;
}

static void an_unwanted_one_goes_at_once(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    probe->unwanted = true;
    /* another start is under way: what has no container does not wait for it as removals do */
    struct engine_ticket busy = {.run = do_nothing};
    engine_queue_start(bench->env.engine->queue, &busy, &probe->account);
    start(probe);
    uint64_t began_ms = clock_ms();
    bench_until(bench, is_gone, probe, "gone");
    assert_true(clock_ms() - began_ms < 1000);
    engine_queue_finish(bench->env.engine->queue, &busy);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 0);
}

/* Retired at each step of its start. */
static void it_can_be_retired_at_any_time(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    static const enum fake_op ops[] = {FAKE_OPS, FAKE_CREATE, FAKE_START};
    for (size_t i = 0; i < 3; i++) {
        if (ops[i] != FAKE_OPS)
            fake_engine_plan(bench->engine, ops[i], (struct fake_plan){.hold = true});
        fake_engine_set_runner(bench->engine, RUNNER_SILENT);
        start(probe);
        if (ops[i] != FAKE_OPS)
            bench_idle(bench, 100);
        instance_retire(probe->instance, "test", 0);
        assert_int_equal(probe->gone, 0); /* never from inside */
        bench_idle(bench, 50);
        if (ops[i] != FAKE_OPS)
            fake_engine_release(bench->engine, ops[i]);
        await_gone(probe);
        assert_int_equal(probe->failed, 0);
        probe_renew(probe);
    }
}

static void retired_while_it_loads(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    start(probe);
    await_state(probe, INSTANCE_LOADING);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

/* No container of ours has been started, so whoever dials is none. */
static void nobody_dials_before_the_answer_to_create(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    for (int prewarmed = 0; prewarmed < 2; prewarmed++) {
        fake_engine_plan(bench->engine, FAKE_CREATE, (struct fake_plan){.hold = true});
        if (prewarmed)
            start_prewarmed(probe);
        else
            start(probe);
        bench_idle(bench, 50);
        assert_int_equal(dial_as_stranger(probe), -1);
        bench_idle(bench, 50);
        assert_int_equal(instance_current_state(probe->instance), INSTANCE_CREATING);
        fake_engine_release(bench->engine, FAKE_CREATE);
        bench_until(bench, prewarmed ? is_prewarmed : is_ready, probe, "its own runner");
        instance_retire(probe->instance, "test", 0);
        await_gone(probe);
        assert_int_equal(probe->failed, 0);
        probe_renew(probe);
    }
}

/* Somebody else has started the container that Docker has yet to tell of, and killed it. */
static void a_death_before_the_answer_to_create_is_nobody_s(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_plan(bench->engine, FAKE_CREATE, (struct fake_plan){.hold = true});
    start(probe);
    bench_idle(bench, 50);
    instance_container_died(probe->instance);
    instance_verify(probe->instance);
    bench_idle(bench, 50);
    fake_engine_release(bench->engine, FAKE_CREATE);
    await_ready(probe);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void a_dial_may_come_before_the_answer_to_start(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start(probe);
    await_state(probe, INSTANCE_STARTING);
    fake_container_dial(bench->engine, fake_engine_newest(bench->engine));
    await_ready(probe);
    fake_engine_set_runner(bench->engine, RUNNER_ABSENT);
    fake_engine_release(bench->engine, FAKE_START);
    bench_idle(bench, 50);
    assert_int_equal(engine_queue_starts(bench->env.engine->queue), 0);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void a_death_before_the_answer_to_start(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start(probe);
    await_state(probe, INSTANCE_STARTING);
    instance_container_died(probe->instance);
    bench_idle(bench, 50);
    fake_engine_release(bench->engine, FAKE_START);
    await_gone(probe);
    assert_int_equal(probe->failed, 1);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(every_misfortune_is_told_and_leaves_nothing),
        INSTANCE_TEST(a_slow_engine_times_out_and_leaves_nothing),
        INSTANCE_TEST(an_unwanted_one_goes_at_once),
        INSTANCE_TEST(it_can_be_retired_at_any_time),
        INSTANCE_TEST(retired_while_it_loads),
        INSTANCE_TEST(nobody_dials_before_the_answer_to_create),
        INSTANCE_TEST(a_death_before_the_answer_to_create_is_nobody_s),
        INSTANCE_TEST(a_dial_may_come_before_the_answer_to_start),
        INSTANCE_TEST(a_death_before_the_answer_to_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
