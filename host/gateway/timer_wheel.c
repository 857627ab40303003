#include "gateway/timer_wheel.h"

#include <stddef.h>
#include <string.h>

#define BUCKET(tick) ((tick) % TIMER_WHEEL_TICKS)

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    memset(wheel, 0, sizeof(*wheel));
    wheel->tick = now_ms / TIMER_WHEEL_TICK_MS;
}

void timer_init(struct timer *timer, void (*expired)(struct timer *timer, uint64_t now_ms))
{
    *timer = (struct timer){.due_ms = TIMER_NEVER, .expired = expired};
}

static void link_timer(struct timer_wheel *wheel, struct timer *timer, uint64_t tick)
{
    struct timer **bucket = &wheel->buckets[BUCKET(tick)];
    timer->tick = tick;
    timer->next = *bucket;
    timer->link = bucket;
    if (*bucket)
        (*bucket)->link = &timer->next;
    *bucket = timer;
    wheel->used[BUCKET(tick) / 64] |= UINT64_C(1) << (BUCKET(tick) % 64);
}

static void unlink_timer(struct timer *timer)
{
    if (!timer->link)
        return;
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    timer->link = NULL;
    timer->next = NULL;
}

/* The first tick that begins at or after the deadline, as far as the wheel reaches. */
static uint64_t tick_of(const struct timer_wheel *wheel, uint64_t due_ms)
{
    uint64_t last = wheel->tick + TIMER_WHEEL_TICKS - 1;
    if (due_ms > last * TIMER_WHEEL_TICK_MS)
        return last;
    uint64_t tick = (due_ms + TIMER_WHEEL_TICK_MS - 1) / TIMER_WHEEL_TICK_MS;
    return tick > wheel->tick ? tick : wheel->tick;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    timer->due_ms = due_ms;
    uint64_t tick = tick_of(wheel, due_ms);
    if (timer->link && timer->tick <= tick)
        return;
    unlink_timer(timer);
    link_timer(wheel, timer, tick);
}

void timer_remove(struct timer_wheel *wheel, struct timer *timer)
{
    (void)wheel; /* a bucket's bit may stay set; it is cleared when its turn comes */
    unlink_timer(timer);
    timer->due_ms = TIMER_NEVER;
}

/* Looks at one bucket. Its list is taken over as a whole first, because callbacks change the wheel. */
static void run_bucket(struct timer_wheel *wheel, uint64_t tick, uint64_t now_ms)
{
    struct timer *list = wheel->buckets[BUCKET(tick)];
    wheel->buckets[BUCKET(tick)] = NULL;
    wheel->used[BUCKET(tick) / 64] &= ~(UINT64_C(1) << (BUCKET(tick) % 64));
    if (list)
        list->link = &list;
    while (list) {
        struct timer *timer = list;
        unlink_timer(timer);
        if (timer->due_ms <= now_ms) {
            timer->due_ms = TIMER_NEVER;
            timer->expired(timer, now_ms);
        } else if (timer->due_ms != TIMER_NEVER) {
            timer_set(wheel, timer, timer->due_ms);
        }
    }
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    uint64_t until = now_ms / TIMER_WHEEL_TICK_MS;
    while (wheel->tick <= until) {
        /* After a long sleep every bucket is visited once, not once for each tick slept. */
        uint64_t tick = wheel->tick;
        if (until - tick >= TIMER_WHEEL_TICKS)
            wheel->tick = tick = until - TIMER_WHEEL_TICKS + 1;
        wheel->tick = tick + 1;
        if (wheel->used[BUCKET(tick) / 64] & (UINT64_C(1) << (BUCKET(tick) % 64)))
            run_bucket(wheel, tick, now_ms);
    }
}

uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
    for (uint64_t tick = wheel->tick; tick < wheel->tick + TIMER_WHEEL_TICKS;) {
        uint64_t word = wheel->used[BUCKET(tick) / 64] >> (BUCKET(tick) % 64);
        if (word)
            return (tick + (uint64_t)__builtin_ctzll(word)) * TIMER_WHEEL_TICK_MS;
        tick += 64 - BUCKET(tick) % 64;
    }
    return TIMER_NEVER;
}
