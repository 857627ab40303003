#include "fleet/scale/prewarm_inside.h"

#include "fleet/instance/fault.h"

#define TRIES 3 /* at loading them, in a row, before that is given up */

/* Each may leave, and the pool is there for as long as the instance is. */
static void tell_loaded(struct prewarm_pool *pool, struct instance *instance)
{
    const json_t *report = instance_module_report(instance);
    uint64_t memory_bytes = instance_look_at_resources(instance)->memory_bytes;
    for (struct prewarm_listener *listener = pool->listeners, *next; report && listener; listener = next) {
        next = listener->next;
        listener->loaded(listener->owner, report, memory_bytes);
    }
}

static void tell_failed(struct prewarm_pool *pool, const struct error *cause)
{
    bool is_over = cause->code == ERROR_LOAD_FAILED ||
                   (pool->failures >= TRIES && fault_is_own(cause->component, cause->code));
    for (struct prewarm_listener *listener = pool->listeners, *next; is_over && listener; listener = next) {
        next = listener->next;
        listener->failed(listener->owner, cause);
    }
}

static const struct prewarm_library_hooks library_hooks = {.loaded = tell_loaded, .failed = tell_failed};

struct prewarm_pool *prewarm_join_libraries(struct prewarm *prewarm, const struct container_spec *spec,
                                            unsigned start_timeout_ms, struct prewarm_listener *listener)
{
    struct container_spec own = *spec;
    own.code_dir = NULL;
    own.labels = NULL;
    own.label_count = 0;
    struct prewarm_pool *pool = prewarm_pool_join(prewarm, &own, true, &library_hooks);
    if (start_timeout_ms == 0)
        start_timeout_ms = prewarm->env->host->start_timeout_ms;
    if (start_timeout_ms > pool->start_timeout_ms)
        pool->start_timeout_ms = start_timeout_ms;
    listener->next = pool->listeners;
    pool->listeners = listener;
    return pool;
}

void prewarm_leave_libraries(struct prewarm_pool *pool, struct prewarm_listener *listener)
{
    struct prewarm_listener **link = &pool->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    prewarm_leave(pool);
}

void prewarm_want(struct prewarm_pool *pool, unsigned count)
{
    pool->wanted = count;
    prewarm_pool_refill(pool);
}

unsigned prewarm_library_count(const struct prewarm *prewarm)
{
    unsigned count = 0;
    for (const struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next)
        count += pool->hooks ? prewarm_pool_useful(pool) : 0;
    return count;
}

bool prewarm_libraries_leave(const struct prewarm *prewarm)
{
    for (const struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        if (pool->hooks && prewarm_pool_useful(pool) < pool->count)
            return true;
    }
    return false;
}

uint64_t prewarm_number(const struct prewarm_pool *pool)
{
    return pool->number;
}

unsigned prewarm_wanted(const struct prewarm_pool *pool)
{
    return pool->wanted;
}
