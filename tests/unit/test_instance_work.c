/* An instance whose idle time is over: its runner is asked whether it still works. The runner answers, or
 * not. */
#include "instance_probe.h"

static void start_with_timeout(struct probe *probe, unsigned timeout_ms)
{
    struct instance_load load = make_load(probe);
    load.timeout_ms = timeout_ms;
    probe->instance = instance_start(&probe->bench->env, &usual, &load, &hooks, &probe->account, probe);
    await_ready(probe);
    bench_until(probe->bench, has_three_slots, probe, "all slots");
}

static void one_that_is_done_goes(void **state)
{
    struct probe *probe = *state;
    start_with_timeout(probe, 60000);
    assert_int_equal(instance_expire(probe->instance, clock_ms(), clock_ms()), EXPIRY_ASKED);
    assert_true(instance_is_asked(probe->instance));
    assert_int_equal(instance_expire(probe->instance, 0, clock_ms()), EXPIRY_ASKED);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void one_that_is_used_stays(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct slot_waiter waiter = {0};
    struct slot *slot;
    start_with_timeout(probe, 60000);
    assert_int_equal(instance_expire(probe->instance, clock_ms(), clock_ms()), EXPIRY_ASKED);
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    while (instance_is_asked(probe->instance))
        bench_idle(bench, 10);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_READY);
    assert_int_equal(instance_expire(probe->instance, clock_ms(), clock_ms()), EXPIRY_STAYS);
    slot_pool_release(slot, SLOT_REUSABLE, clock_ms(), 1);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
}

/* A runner that is too busy to answer is busy, but not for ever. */
static void one_that_does_not_answer_has_its_time(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_with_timeout(probe, 200);
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    uint64_t idle_since_ms = clock_ms();
    assert_int_equal(instance_expire(probe->instance, idle_since_ms, clock_ms()), EXPIRY_ASKED);
    bench_idle(bench, 50);
    assert_true(instance_is_asked(probe->instance));
    assert_false(instance_retire_if_idle(probe->instance, "test"));
    bench_idle(bench, 200);
    assert_int_equal(instance_expire(probe->instance, 0, clock_ms()), EXPIRY_GONE);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void one_that_does_not_answer_can_be_retired_and_be_lost(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    for (int dies = 0; dies < 2; dies++) {
        start_with_timeout(probe, 60000);
        fake_engine_set_runner(bench->engine, RUNNER_SILENT);
        assert_int_equal(instance_expire(probe->instance, clock_ms(), clock_ms()), EXPIRY_ASKED);
        bench_idle(bench, 20);
        if (dies) {
            fake_container_die(bench->engine, fake_engine_running(bench->engine), 3, false);
            instance_container_died(probe->instance);
        } else {
            instance_retire(probe->instance, "test", 20);
        }
        await_gone(probe);
        assert_int_equal(probe->failed, dies);
        probe_renew(probe);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(one_that_is_done_goes),
        INSTANCE_TEST(one_that_is_used_stays),
        INSTANCE_TEST(one_that_does_not_answer_has_its_time),
        INSTANCE_TEST(one_that_does_not_answer_can_be_retired_and_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
