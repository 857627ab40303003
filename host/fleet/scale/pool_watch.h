/*
 * How a slot pool, on whichever worker thread, tells the control thread that it wants instances, that one has
 * lost a connection or has drained: by mail to the fleet's inbox. The watch outlives the revision for as long
 * as a worker still holds the pool.
 */
#ifndef FLEET_SCALE_POOL_WATCH_H
#define FLEET_SCALE_POOL_WATCH_H

#include "fleet/fleet_env.h"
#include "routing/slot_pool.h"

struct pool_watch;

/* Called on the control thread. */
struct pool_watch_hooks {
    void (*demand)(void *owner);
    void (*lost)(void *owner, uint64_t instance, enum slot_fate fate);
    void (*drained)(void *owner, uint64_t instance);
};

/* Makes a pool whose hooks reach `hooks` and the watch over it. The caller owns one reference to *ret_pool.
 */
struct pool_watch *pool_watch_create(struct fleet_env *env, const struct pool_watch_hooks *hooks, void *owner,
                                     struct slot_pool **ret_pool);

/* No hook is called from now on. The memory follows when the pool is gone. Control thread. */
void pool_watch_end(struct pool_watch *watch);

#endif
