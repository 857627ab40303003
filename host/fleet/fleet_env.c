#include "fleet/fleet_env.h"

#include <limits.h>

#define ENGINE_RETURN_MS 10000 /* after its return Docker is busy with what it missed */

bool fleet_engine_is_away(const struct fleet_env *env)
{
    return env->engine_trouble.code != ERROR_NONE;
}

bool fleet_engine_was_away(const struct fleet_env *env, uint64_t now_ms)
{
    return fleet_engine_is_away(env) ||
           (env->engine_back_ms > 0 && now_ms < env->engine_back_ms + ENGINE_RETURN_MS);
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

unsigned fleet_budget_room_with(const struct fleet_budget *budget, uint64_t memory_bytes, unsigned ready,
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
