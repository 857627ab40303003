/* One instance: its usual life, its removal, its draining, whatever the engine does. */
#include "instance_probe.h"

#include <signal.h>

static void serves_and_goes_when_idle(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    assert_int_equal(bench->env.engine->budget.instances, 1);
    assert_false(instance_retire_if_idle(probe->instance, "idle"));
    await_ready(probe);
    bench_until(bench, has_three_slots, probe, "three slots");
    assert_non_null(strstr(fake_engine_running(bench->engine)->name, "berth-hello-"));
    assert_true(instance_retire_if_idle(probe->instance, "idle"));
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
    expect_slots(probe, 0);
}

static void surplus_connections_are_closed(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    bench_until(bench, has_three_slots, probe, "three slots");
    int fd = dial_as_stranger(probe);
    bench_idle(bench, 50);
    expect_hung_up(fd);
    expect_slots(probe, 3);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
}

static void one_that_is_started_for_a_function_has_that_function_s_code(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    assert_null(instance_code_dir(probe->instance));
    assert_string_equal(fake_engine_running(bench->engine)->code_dir, usual.code_dir);
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
}

static const struct {
    const char *name;
    enum fake_op op;
    struct fake_plan plan;
} obstacles[] = {
    {"stop fails", FAKE_STOP, {.status = 500}},
    {"removal is under way already", FAKE_REMOVE, {.status = 409, .times = 2}},
    {"removal fails once", FAKE_REMOVE, {.status = 500, .times = 1}},
    {"removal fails though it was done", FAKE_REMOVE, {.status = 500, .done = true, .times = 1}},
};

static void removal_is_tried_until_it_is_done(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
        print_message("%s\n", obstacles[i].name);
        start(probe);
        await_ready(probe);
        fake_engine_plan(bench->engine, obstacles[i].op, obstacles[i].plan);
        instance_retire(probe->instance, "test", 0);
        await_gone(probe);
        assert_int_equal(probe->failed, 0);
        probe_renew(probe);
    }
}

static void removal_is_given_up_in_the_end(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    fake_engine_plan(bench->engine, FAKE_REMOVE, (struct fake_plan){.status = 500});
    instance_retire(probe->instance, "test", 0);
    bench_until(bench, is_gone, probe, "gone");
    assert_int_equal(bench->env.engine->budget.instances, 0);
}

static void a_death_while_it_is_removed_changes_nothing(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    fake_engine_plan(bench->engine, FAKE_STOP, (struct fake_plan){.hold = true});
    instance_retire(probe->instance, "test", 0);
    bench_idle(bench, 50);
    fake_container_die(bench->engine, fake_engine_running(bench->engine), 0, false);
    instance_container_died(probe->instance);
    fake_engine_release(bench->engine, FAKE_STOP);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void drains_until_its_requests_are_through(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    assert_false(instance_retire_if_idle(probe->instance, "idle"));
    instance_retire(probe->instance, "test", 5000);
    bench_idle(bench, 50);
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_DRAINING);
    slot_pool_release(slot, SLOT_REUSABLE, clock_ms(), 1000);
    assert_int_equal(probe->drained, 1);
    instance_drained(probe->instance);
    instance_drained(probe->instance);
    await_gone(probe);
    assert_int_equal(probe->failed, 0);
}

static void drains_no_longer_than_its_limit(void **state)
{
    struct probe *probe = *state;
    start(probe);
    await_ready(probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_retire(probe->instance, "test", 50);
    await_gone(probe);
    slot_pool_release(slot, SLOT_BROKEN, clock_ms(), 0);
}

static void a_death_while_it_drains_is_told_once(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start(probe);
    await_ready(probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_retire(probe->instance, "test", 5000);
    fake_container_die(bench->engine, fake_engine_running(bench->engine), 9, false);
    instance_container_died(probe->instance);
    slot_pool_release(slot, SLOT_BROKEN, clock_ms(), 0);
    instance_drained(probe->instance);
    await_gone(probe);
    assert_int_equal(probe->failed, 1);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(serves_and_goes_when_idle),
        INSTANCE_TEST(surplus_connections_are_closed),
        INSTANCE_TEST(one_that_is_started_for_a_function_has_that_function_s_code),
        INSTANCE_TEST(removal_is_tried_until_it_is_done),
        INSTANCE_TEST(removal_is_given_up_in_the_end),
        INSTANCE_TEST(a_death_while_it_is_removed_changes_nothing),
        INSTANCE_TEST(drains_until_its_requests_are_through),
        INSTANCE_TEST(drains_no_longer_than_its_limit),
        INSTANCE_TEST(a_death_while_it_drains_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
