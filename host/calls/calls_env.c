#include "calls/calls_env.h"

uint64_t calls_env_disk_left(const struct calls_env *env)
{
    struct call_sums sums;
    call_store_sums(env->store, &sums);
    uint64_t used = sums.bytes + env->room.bytes;
    return used < env->disk_bytes ? env->disk_bytes - used : 0;
}

bool calls_env_has_room(const struct calls_env *env)
{
    struct call_sums sums;
    call_store_sums(env->store, &sums);
    return (uint64_t)sums.by_state[CALL_WAITING] < env->max_waiting && calls_env_disk_left(env) > 0;
}
