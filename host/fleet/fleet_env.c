#include "fleet/fleet_env.h"

#include <limits.h>

void fleet_timer_at(struct event *timer, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                           .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    evtimer_add(timer, &wait);
}

unsigned fleet_budget_room(const struct fleet_budget *budget, uint64_t memory_bytes)
{
    if (budget->instances >= budget->max_instances || budget->memory_bytes >= budget->max_memory_bytes)
        return 0;
    unsigned by_count = budget->max_instances - budget->instances;
    if (memory_bytes == 0)
        return by_count;
    uint64_t by_memory = (budget->max_memory_bytes - budget->memory_bytes) / memory_bytes;
    return by_memory < by_count ? (unsigned)by_memory : by_count;
}
