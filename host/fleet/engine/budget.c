#include "fleet/engine/budget.h"

void budget_take(struct budget *budget, uint64_t memory_bytes)
{
    budget->instances++;
    budget->memory_bytes += memory_bytes;
}

void budget_change(struct budget *budget, uint64_t from_bytes, uint64_t to_bytes)
{
    budget->memory_bytes += to_bytes - from_bytes;
}

void budget_give_back(struct budget *budget, uint64_t memory_bytes)
{
    budget->instances--;
    budget->memory_bytes -= memory_bytes;
    event_active(budget->freed, EV_TIMEOUT, 0);
}

void budget_want(struct budget *budget)
{
    budget->short_of_room = true;
    event_active(budget->wanted, EV_TIMEOUT, 0);
}

void budget_clear(struct budget *budget)
{
    if (budget->wanted)
        event_free(budget->wanted);
    if (budget->freed)
        event_free(budget->freed);
}

unsigned budget_room(const struct budget *budget, uint64_t memory_bytes)
{
    if (budget->instances >= budget->max_instances || budget->memory_bytes >= budget->max_memory_bytes)
        return 0;
    unsigned by_count = budget->max_instances - budget->instances;
    if (memory_bytes == 0)
        return by_count;
    uint64_t by_memory = (budget->max_memory_bytes - budget->memory_bytes) / memory_bytes;
    return by_memory < by_count ? (unsigned)by_memory : by_count;
}

unsigned budget_room_with(const struct budget *budget, uint64_t memory_bytes, unsigned ready,
                          uint64_t ready_bytes)
{
    uint64_t free_bytes =
        budget->max_memory_bytes > budget->memory_bytes ? budget->max_memory_bytes - budget->memory_bytes : 0;
    unsigned free_count =
        budget->max_instances > budget->instances ? budget->max_instances - budget->instances : 0;
    uint64_t more_bytes = memory_bytes > ready_bytes ? memory_bytes - ready_bytes : 0;
    uint64_t adopted = more_bytes == 0 || free_bytes / more_bytes > ready ? ready : free_bytes / more_bytes;
    uint64_t left_bytes = free_bytes - adopted * more_bytes;
    uint64_t fresh =
        memory_bytes == 0 || left_bytes / memory_bytes > free_count ? free_count : left_bytes / memory_bytes;
    return (unsigned)(adopted + fresh);
}
