/* An instance that has served, or lost a connection: it says why, and whether it goes on. */
#include "instance_probe.h"

#include <signal.h>

static void a_killed_one_says_what_killed_it(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    static const struct {
        int code;
        bool oom_killed;
        const char *reason, *words;
        bool signalled;
    } cases[] = {
        {137, false, "container-killed",
         "SIGKILL from outside while it served; its last line was: last words", false},
        {137, true, "out-of-memory", "64 MiB", false},
        {139, false, "container-exited", "SIGSEGV while it served", false},
        {1, false, "container-exited", "code 1", false},
        {0, false, "container-killed", "stopped from outside and exited with code 0", true},
        {143, false, "container-killed", "SIGTERM from outside", true},
        {137, true, "out-of-memory", "64 MiB", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(probe);
        await_ready(probe);
        struct fake_container *container = fake_engine_running(bench->engine);
        fake_container_write(container, "first\nlast words\n\n");
        if (cases[i].signalled)
            instance_container_signalled(probe->instance);
        fake_container_die(bench->engine, container, cases[i].code, cases[i].oom_killed);
        instance_container_died(probe->instance);
        instance_container_died(probe->instance);
        await_gone(probe);
        assert_cause(probe, "container", cases[i].reason, cases[i].words);
        expect_slots(probe, 0);
        probe_renew(probe);
    }
}

static void a_container_that_somebody_removed(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    fake_container_vanish(bench->engine, fake_engine_running(bench->engine));
    instance_container_died(probe->instance);
    await_gone(probe);
    assert_cause(probe, "container", "container-gone", "gone");
}

/* Waits until the book tells why a connection was lost now. */
static void await_explained(struct probe *probe, const char *reason)
{
    struct error cause;
    uint64_t lost_ms = clock_ms(), id = instance_id(probe->instance);
    instance_slot_lost(probe->instance, SLOT_LOST);
    while (!loss_book_find(probe->bench->env.losses, id, lost_ms, &cause) &&
           clock_ms() < lost_ms + BENCH_GUARD_MS)
        bench_idle(probe->bench, 10);
    assert_string_equal(error_code_slug(cause.code), reason);
}

/* A runner that owes an answer and closes the connection gets no further request; each loss is explained, and
 * requests under way are finished. */
static void a_loss_of_one_that_goes_on_is_explained(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct slot_waiter waiter = {0};
    struct slot *slot;
    bench->env.drain_ms = BENCH_GUARD_MS;
    start(probe);
    await_ready(probe);
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_slot_lost(probe->instance, SLOT_DROPPED);
    instance_slot_lost(probe->instance, SLOT_BROKEN);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_READY);
    instance_slot_lost(probe->instance, SLOT_LOST);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_DRAINING);
    bench_idle(bench, 20);
    await_explained(probe, "runner-gone"); /* one more while the first is being looked into */
    assert_int_equal(probe->failed, 1);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_DRAINING);
    slot_pool_release(slot, SLOT_REUSABLE, clock_ms(), 1);
    instance_drained(probe->instance);
    await_gone(probe);
    assert_cause(probe, "runner", "runner-gone", "its container goes on");
}

/* It has drained for as long as it may while it was being looked into why a connection has been lost: whoever
 * is cut off then is told that, and not why somebody else was lost. */
static void one_that_is_cut_off_after_it_was_looked_into_says_so(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct slot_waiter waiter = {0};
    struct slot *slot;
    struct error cause;
    bench->env.drain_ms = 100;
    start(probe);
    await_ready(probe);
    uint64_t id = instance_id(probe->instance);
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    fake_engine_plan(bench->engine, FAKE_WAIT, (struct fake_plan){.hold = true});
    instance_slot_lost(probe->instance, SLOT_LOST);
    bench_idle(bench, 300);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_DRAINING);
    fake_engine_release(bench->engine, FAKE_WAIT);
    await_gone(probe);
    assert_true(loss_book_find(bench->env.losses, id, clock_ms(), &cause));
    assert_string_equal(error_code_slug(cause.code), "instance-removed");
    slot_pool_release(slot, SLOT_BROKEN, clock_ms(), 1);
    assert_cause(probe, "runner", "runner-gone", "its container goes on");
}

/* No event tells of its end, but its connections do. */
static void a_loss_reveals_the_end_of_the_container(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    fake_container_die(bench->engine, fake_engine_running(bench->engine), 3, false);
    instance_slot_lost(probe->instance, SLOT_LOST);
    instance_drained(probe->instance); /* its cause is waited for all the same */
    await_gone(probe);
    assert_cause(probe, "container", "container-exited", "code 3 while it served");
    expect_slots(probe, 0);
}

/* Takes all slots of a ready instance and lets go of them as said. */
static void lose_all_slots(struct probe *probe, enum slot_fate fate)
{
    struct slot_waiter waiter = {0};
    struct slot *slots[3];
    bench_until(probe->bench, has_three_slots, probe, "all slots");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slots[i]), SLOT_TAKEN);
    for (unsigned i = 0; i < 3; i++)
        slot_pool_release(slots[i], fate, clock_ms(), 1);
}

static void one_whose_runner_closes_everything_is_lost(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    lose_all_slots(probe, SLOT_DROPPED);
    bench_idle(bench, INSTANCE_DIAL_MS / 2);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_READY);
    await_gone(probe);
    assert_cause(probe, "runner", "runner-gone", "its container goes on");
}

static void one_whose_runner_dials_again_stays(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    lose_all_slots(probe, SLOT_DROPPED);
    fake_container_dial(bench->engine, fake_engine_running(bench->engine));
    bench_idle(bench, INSTANCE_DIAL_MS + 200);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_READY);
    expect_slots(probe, 1); /* which is all that it has now */
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

/* Its runner may still be at work for clients that have left, as long as a request may take. */
static void one_that_works_for_nobody_has_its_time(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct instance_load load = make_load(probe);
    load.timeout_ms = 4000;
    probe->instance = instance_start(&bench->env, &usual, &load, &hooks, &probe->account, probe);
    await_ready(probe);
    lose_all_slots(probe, SLOT_BROKEN);
    bench_idle(bench, INSTANCE_DIAL_MS + 200);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_READY);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

/* Work that should have ended long ago explains nothing. */
static void one_that_worked_for_nobody_before_can_be_lost(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct instance_load load = make_load(probe);
    load.timeout_ms = 50;
    probe->instance = instance_start(&bench->env, &usual, &load, &hooks, &probe->account, probe);
    await_ready(probe);
    instance_slot_lost(probe->instance, SLOT_BROKEN);
    bench_idle(bench, 100);
    lose_all_slots(probe, SLOT_DROPPED);
    await_gone(probe);
    assert_cause(probe, "runner", "runner-gone", "its container goes on");
}

/* An engine that starts without live restore ends the containers that it finds. */
static void an_end_that_a_restarted_engine_brings_is_not_its_own(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    bench->env.engine->back_ms = clock_ms();
    fake_container_die(bench->engine, fake_engine_running(bench->engine), 0, false);
    instance_container_died(probe->instance);
    await_gone(probe);
    assert_cause(probe, "container", "container-killed", "stopped from outside");
}

/* The engine's own trouble must not look like the function's fault. */
static void an_engine_that_is_away_is_named(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    fake_engine_stop(bench->engine);
    instance_container_died(probe->instance);
    bench_until(bench, is_failed, probe, "failed");
    assert_string_equal(error_component_name(probe->cause.component), "docker");
    assert_string_equal(error_code_slug(probe->cause.code), "docker-unreachable");
    fake_engine_start(bench->engine);
    await_gone(probe);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(a_killed_one_says_what_killed_it),
        INSTANCE_TEST(a_container_that_somebody_removed),
        INSTANCE_TEST(a_loss_of_one_that_goes_on_is_explained),
        INSTANCE_TEST(one_that_is_cut_off_after_it_was_looked_into_says_so),
        INSTANCE_TEST(a_loss_reveals_the_end_of_the_container),
        INSTANCE_TEST(one_whose_runner_closes_everything_is_lost),
        INSTANCE_TEST(one_whose_runner_dials_again_stays),
        INSTANCE_TEST(one_that_works_for_nobody_has_its_time),
        INSTANCE_TEST(one_that_worked_for_nobody_before_can_be_lost),
        INSTANCE_TEST(an_end_that_a_restarted_engine_brings_is_not_its_own),
        INSTANCE_TEST(an_engine_that_is_away_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
