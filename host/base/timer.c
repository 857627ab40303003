#include "base/timer.h"

void timer_at(struct event *timer, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                           .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    evtimer_add(timer, &wait);
}
