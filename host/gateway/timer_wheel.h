/*
 * Deadlines by the ten thousand, for the price of a store: a wheel of coarse ticks. Moving a deadline to
 * later only changes its number; it is put into its new place when its old one comes round. One thread.
 */
#ifndef GATEWAY_TIMER_WHEEL_H
#define GATEWAY_TIMER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_WHEEL_TICK_MS 16
#define TIMER_WHEEL_TICKS   1024
#define TIMER_NEVER         UINT64_MAX

/* Embedded in what has a deadline. All zero and due TIMER_NEVER: not set. */
struct timer {
    struct timer *next, **link; /* link: what points to this one; NULL: not in the wheel */
    uint64_t due_ms;
    uint64_t tick; /* of the bucket that holds it */
    void (*expired)(struct timer *timer, uint64_t now_ms);
};

struct timer_wheel {
    struct timer *buckets[TIMER_WHEEL_TICKS];
    uint64_t used[TIMER_WHEEL_TICKS / 64]; /* a bit for each bucket that may hold something */
    uint64_t tick; /* everything before it has been looked at */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);

void timer_init(struct timer *timer, void (*expired)(struct timer *timer, uint64_t now_ms));

/* Sets or moves a deadline. It expires at most one tick and the caller's own delay late, never early. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms);

/* No deadline for now; the timer may stay linked until its bucket comes round. */
static inline void timer_stop(struct timer *timer)
{
    timer->due_ms = TIMER_NEVER;
}

/* Takes the timer out, so that its memory may go. */
void timer_remove(struct timer_wheel *wheel, struct timer *timer);

/* Calls `expired` for every timer whose time has come; the callback may set, stop and remove any timer. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);

/* When timer_wheel_advance should be called next; TIMER_NEVER when the wheel is empty. May be early. */
uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel);

#endif
