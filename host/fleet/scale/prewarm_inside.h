/* Inside of the prewarmed instances: what their files share. For prewarm*.c only; prewarm_libraries.c uses
 * prewarm.c. */
#ifndef FLEET_SCALE_PREWARM_INSIDE_H
#define FLEET_SCALE_PREWARM_INSIDE_H

#include "fleet/scale/prewarm.h"

#include "base/hash.h"

/* What is made of an instance that has loaded libraries, or could not. */
struct prewarm_library_hooks {
    void (*loaded)(struct prewarm_pool *pool, struct instance *instance);
    void (*failed)(struct prewarm_pool *pool, const struct error *cause);
};

struct prewarm_pool {
    struct prewarm *prewarm;
    struct prewarm_pool *next;
    char key[HASH_HEX_SIZE];
    uint64_t number; /* how many were made before it */
    struct container_spec spec;
    bool is_special; /* it stands back behind those that are not */
    unsigned wanted; /* of one with libraries: how many instances there are to be */
    const struct prewarm_library_hooks *hooks; /* of one with libraries */
    struct prewarm_listener *listeners; /* of one with libraries: its members */
    unsigned members;
    struct instance **instances; /* on their way, waiting or being removed, oldest first */
    size_t count;
    struct engine_account account;
    unsigned start_timeout_ms; /* the longest of its members; 0: the host's */
    unsigned failures; /* in a row */
    uint64_t prewarmed_ms; /* when the first instance was since the last failure; 0: none */
    uint64_t retry_at_ms;
    uint64_t taken_ms; /* when an instance was last taken, or the pool was made */
    struct event *retry; /* the pool is to be refilled */
};

struct prewarm {
    struct fleet_env *env;
    struct prewarm_pool *pools;
    uint64_t made; /* pools */
    bool stopped;
};

/* The pool of containers like this one, which is made if need be; and one more member. The spec is copied;
 * `hooks` are those of one with libraries. */
struct prewarm_pool *prewarm_pool_join(struct prewarm *prewarm, const struct container_spec *spec,
                                       bool is_special, const struct prewarm_library_hooks *hooks);

/* Starts what is missing in it, and removes what is too much. */
void prewarm_pool_refill(struct prewarm_pool *pool);

/* How many of its instances wait or are on their way; the others are being removed. */
unsigned prewarm_pool_useful(const struct prewarm_pool *pool);

#endif
