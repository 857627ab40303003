/*
 * Prewarmed instances: for each kind of container that functions start from (runtime image, command,
 * environment, user, network, walls) a few that have dialled already and wait for a function. Each is given
 * away once; the place is refilled off the request path.
 *
 * Beside these, for functions whose libraries take long to load, some that have loaded just those: with the
 * dependencies, the environment and the limits of the functions that they are for, which all share. How many
 * there are is not decided here. They stand back behind all others. Control thread.
 */
#ifndef FLEET_SCALE_PREWARM_H
#define FLEET_SCALE_PREWARM_H

#include "fleet/fleet_env.h"
#include "fleet/instance/instance.h"

#include <stdbool.h>
#include <stdint.h>

struct prewarm;
struct prewarm_pool;

struct prewarm *prewarm_create(struct fleet_env *env);

/* No pool is joined and no instance left any more. NULL is fine. */
void prewarm_destroy(struct prewarm *prewarm);

/* Says that a revision starts from containers like this one, which has no mounts: they cannot be added later.
 * Its code_dir, labels and limits are not looked at. The pool lives, and is kept filled, until as many have
 * left as have joined. `is_special`: few functions have any use for it, so it is filled when all others are,
 * and is the first to give up what they want. */
struct prewarm_pool *prewarm_join(struct prewarm *prewarm, const struct container_spec *spec,
                                  bool is_special);
void prewarm_leave(struct prewarm_pool *pool);

/* Who has joined a pool of instances with libraries: part of what joins, which fills in the first three. */
struct prewarm_listener {
    /* An instance of the pool has loaded them: its runner has given this report, and it used so much memory.
     * Several times, on several instances; it may leave the pool, and join another. */
    void (*loaded)(void *owner, const json_t *report, uint64_t memory_bytes);
    /* They cannot be loaded ahead, and will not be the next time: it leaves the pool. */
    void (*failed)(void *owner, const struct error *cause);
    void *owner;
    struct prewarm_listener *next;
};

/* Says that a function starts from containers like this one once its runner has loaded `spec->ahead`, whose
 * code_dir, labels and mounts are not looked at. Loading them may take `start_timeout_ms` (0: as long as the
 * host says), or the longest time of all who have joined. No instance is started before
 * somebody wants some. */
struct prewarm_pool *prewarm_join_libraries(struct prewarm *prewarm, const struct container_spec *spec,
                                            unsigned start_timeout_ms, struct prewarm_listener *listener);
void prewarm_leave_libraries(struct prewarm_pool *pool, struct prewarm_listener *listener);

/* How many instances with libraries there are to be in a pool from now on; what is too much goes,
 * those that are not ready first. */
void prewarm_want(struct prewarm_pool *pool, unsigned count);
unsigned prewarm_wanted(const struct prewarm_pool *pool);

/* Which pool it is, in the order of their making. */
uint64_t prewarm_number(const struct prewarm_pool *pool);

/* Whether an instance with libraries is being removed. */
bool prewarm_libraries_leave(const struct prewarm *prewarm);

/* How many instances with libraries wait or are on their way, in all pools. */
unsigned prewarm_library_count(const struct prewarm *prewarm);

/* The prewarmed instance that has waited longest, else the one that will be ready first of those that Docker
 * is starting, or NULL. Of those with libraries only one that has them: what they do when they are loaded is
 * not known before. */
struct instance *prewarm_next(const struct prewarm_pool *pool);

/* Gives away what prewarm_next() gave. The caller calls instance_load() at once. */
void prewarm_take(struct prewarm_pool *pool, struct instance *instance);

/* How many wait, and how many could be taken now: these, and those that Docker is starting. */
unsigned prewarm_ready(const struct prewarm_pool *pool);
unsigned prewarm_available(const struct prewarm_pool *pool);

/* Refills every pool that is not backing off after failures: room was freed. */
void prewarm_refill(struct prewarm *prewarm);

/* Refills every pool, whatever failed before: the engine has come back. */
void prewarm_resume(struct prewarm *prewarm);

/* Gives up one instance, of the pool that has been used least lately, to make room on the host. False when
 * there is none. */
bool prewarm_give_up(struct prewarm *prewarm);

/* How many instances wait or are on their way, and the sum of their memory limits. */
void prewarm_usage(const struct prewarm *prewarm, unsigned *ret_instances, uint64_t *ret_memory_bytes);

/* The memory limit that prewarmed instances have until they get a function. */
uint64_t prewarm_memory_bytes(const struct prewarm_pool *pool);

/* Removes all instances and starts no more. */
void prewarm_stop(struct prewarm *prewarm);

/* Calls visit for each instance that waits or is on its way. */
void prewarm_each_instance(struct prewarm *prewarm, void (*visit)(struct instance *instance, void *context),
                           void *context);

#endif
