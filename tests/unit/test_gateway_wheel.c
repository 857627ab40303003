#include "gateway/timer_wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMERS 200

struct counted {
    struct timer timer;
    uint64_t expired_ms;
    unsigned times;
};

static void on_expired(struct timer *timer, uint64_t now_ms)
{
    struct counted *counted = (struct counted *)timer;
    counted->expired_ms = now_ms;
    counted->times++;
}

static struct timer_wheel wheel;

static void test_expires_in_time_and_never_early(void **state)
{
    (void)state;
    struct counted timers[TIMERS];
    uint64_t now = 123456;
    timer_wheel_init(&wheel, now);
    uint64_t due[TIMERS];
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&timers[i].timer, on_expired);
        timers[i].times = 0;
        due[i] = now + (uint64_t)i * 7919 % 70000;
        timer_set(&wheel, &timers[i].timer, due[i]);
    }
    for (uint64_t end = now + 71000; now < end;) {
        uint64_t next = timer_wheel_next_ms(&wheel);
        now = next > now && next != TIMER_NEVER ? next : now + 1;
        timer_wheel_advance(&wheel, now);
    }
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(timers[i].times, 1);
        assert_true(timers[i].expired_ms >= due[i]);
        assert_true(timers[i].expired_ms <= due[i] + 2 * TIMER_WHEEL_TICK_MS);
    }
    assert_int_equal(timer_wheel_next_ms(&wheel), TIMER_NEVER);
}

static void test_moves_stops_and_removes(void **state)
{
    (void)state;
    struct counted timer = {0};
    timer_wheel_init(&wheel, 0);
    timer_init(&timer.timer, on_expired);
    timer_set(&wheel, &timer.timer, 1000);
    timer_set(&wheel, &timer.timer, 5000); /* later */
    timer_wheel_advance(&wheel, 2000);
    assert_int_equal(timer.times, 0);
    timer_set(&wheel, &timer.timer, 2100); /* earlier */
    timer_wheel_advance(&wheel, 2200);
    assert_int_equal(timer.times, 1);
    timer_set(&wheel, &timer.timer, 3000);
    timer_stop(&timer.timer);
    timer_wheel_advance(&wheel, 4000);
    assert_int_equal(timer.times, 1);
    timer_set(&wheel, &timer.timer, 5000);
    timer_remove(&wheel, &timer.timer);
    timer_wheel_advance(&wheel, 6000);
    assert_int_equal(timer.times, 1);
}

static void test_a_long_sleep_misses_nothing(void **state)
{
    (void)state;
    struct counted timers[TIMERS];
    timer_wheel_init(&wheel, 0);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&timers[i].timer, on_expired);
        timers[i].times = 0;
        timer_set(&wheel, &timers[i].timer, (uint64_t)i * 500);
    }
    timer_wheel_advance(&wheel, 10000000);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(timers[i].times, 1);
}

struct chain {
    struct timer timer;
    struct timer *victim;
};

static void on_chain(struct timer *timer, uint64_t now_ms)
{
    struct chain *chain = (struct chain *)timer;
    timer_remove(&wheel, chain->victim);
    timer_set(&wheel, timer, now_ms + 100);
}

static void test_callbacks_may_change_the_wheel(void **state)
{
    (void)state;
    struct counted victim = {0};
    struct chain chain = {.victim = &victim.timer};
    timer_wheel_init(&wheel, 0);
    timer_init(&victim.timer, on_expired);
    timer_init(&chain.timer, on_chain);
    timer_set(&wheel, &victim.timer, 50);
    timer_set(&wheel, &chain.timer, 50); /* the same bucket, linked in front */
    timer_wheel_advance(&wheel, 100);
    assert_int_equal(victim.times, 0);
    assert_int_equal(chain.timer.due_ms, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expires_in_time_and_never_early),
        cmocka_unit_test(test_moves_stops_and_removes),
        cmocka_unit_test(test_a_long_sleep_misses_nothing),
        cmocka_unit_test(test_callbacks_may_change_the_wheel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
