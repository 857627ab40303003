/* One-shot timers of an event loop, by the clock of clock.h. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <event2/event.h>
#include <stdint.h>

/* Arms a timer for a point of clock_ms(); at once when that is past. */
void timer_at(struct event *timer, uint64_t due_ms, uint64_t now_ms);

#endif
