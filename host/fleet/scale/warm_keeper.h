/*
 * Has as many prewarmed instances with libraries be there as warm_plan.h says: makes the plan anew when
 * something has happened that may change it, when a time has come, and while there are some every few
 * seconds, to see whether the machine runs short of memory. Control thread.
 */
#ifndef FLEET_SCALE_WARM_KEEPER_H
#define FLEET_SCALE_WARM_KEEPER_H

#include "base/queue.h"
#include "fleet/fleet_env.h"
#include "fleet/scale/prewarm.h"
#include "fleet/scale/warm_plan.h"

struct warm_keeper;

/* What a plan wants to know of a function. */
struct warm_need {
    const char *function; /* its name, borrowed until the event loop goes on */
    struct warm_use use;
    double saved_ms;
    uint64_t memory_bytes;
};

/* A function that has joined a pool: part of what joins, which fills in the first three. */
struct warm_member {
    struct prewarm_pool *pool; /* several members may have the same */
    void (*describe)(void *owner, struct warm_need *ret_need, uint64_t now_ms);
    void *owner;
    struct warm_share share; /* what the last plan keeps in its pool */
    bool is_planned; /* there was one */
    TAILQ_ENTRY(warm_member) link;
};

/* Borrows it; `env->prewarm` is there until this one is gone. */
struct warm_keeper *warm_keeper_create(struct fleet_env *env);

/* NULL is fine. */
void warm_keeper_destroy(struct warm_keeper *keeper);

void warm_keeper_join(struct warm_keeper *keeper, struct warm_member *member);
void warm_keeper_leave(struct warm_keeper *keeper, struct warm_member *member);

/* What a member is worth, or what may be spent, may have changed: plans in a moment, once for all. */
void warm_keeper_look(struct warm_keeper *keeper);

/* Plans no more. */
void warm_keeper_stop(struct warm_keeper *keeper);

/* What `prewarm_memory` comes to, and the memory of the instances that there are to be. */
uint64_t warm_keeper_budget(const struct warm_keeper *keeper);
uint64_t warm_keeper_memory(const struct warm_keeper *keeper);

#endif
