#include "fleet/scale/prewarm_inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/timer.h"
#include "fleet/instance/adoption.h"
#include "fleet/scale/autoscaler.h"

#include <stdlib.h>
#include <string.h>

/* How long a place stays empty after an instance was taken: a start keeps every core busy, and until then the
 * function loads and answers its first request. */
#define REFILL_DELAY_MS 30

/* How long nothing has to fail before what has failed is forgotten. */
#define STABLE_MS 10000

/* A function's own limits unless it sets others, so that most need no change. */
#define MEMORY_BYTES (UINT64_C(256) << 20)
#define CPUS         1.0
#define PIDS         512

static void pool_free(struct prewarm_pool *pool)
{
    struct prewarm_pool **link = &pool->prewarm->pools;
    while (*link != pool)
        link = &(*link)->next;
    *link = pool->next;
    event_free(pool->retry);
    container_spec_clear(&pool->spec);
    free(pool->instances);
    free(pool);
}

static void forget(struct prewarm_pool *pool, const struct instance *instance)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->instances[i] != instance)
            continue;
        memmove(&pool->instances[i], &pool->instances[i + 1],
                (pool->count - i - 1) * sizeof(*pool->instances));
        pool->count--;
        break;
    }
}

static void on_prewarmed(struct instance *instance, void *owner)
{
    struct prewarm_pool *pool = owner;
    if (pool->prewarmed_ms == 0)
        pool->prewarmed_ms = clock_ms();
    if (pool->hooks)
        pool->hooks->loaded(pool, instance);
}

/* One that is prewarmed may end soon after, again and again: that alone is no success. */
static void count_failure(struct prewarm_pool *pool)
{
    uint64_t now_ms = clock_ms();
    if (pool->prewarmed_ms > 0 && now_ms - pool->prewarmed_ms >= STABLE_MS)
        pool->failures = 0;
    pool->prewarmed_ms = 0;
    pool->failures++;
    pool->retry_at_ms = now_ms + autoscaler_backoff_ms(pool->failures);
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    (void)instance;
    struct prewarm_pool *pool = owner;
    count_failure(pool);
    if (pool->hooks)
        pool->hooks->failed(pool, cause);
}

static void on_gone(struct instance *instance, void *owner)
{
    struct prewarm_pool *pool = owner;
    forget(pool, instance);
    if (pool->members == 0 && pool->count == 0)
        pool_free(pool);
    else
        prewarm_pool_refill(pool);
}

static bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    const struct prewarm_pool *pool = owner;
    return pool->members > 0 && !pool->prewarm->stopped && !engine_is_away(pool->prewarm->env->engine);
}

static const struct instance_hooks pool_hooks = {
    .wanted = on_wanted,
    .prewarmed = on_prewarmed,
    .failed = on_failed,
    .gone = on_gone,
};

/* How many instances there are to be. */
static unsigned wanted(const struct prewarm_pool *pool)
{
    return pool->hooks ? pool->wanted : pool->prewarm->env->host->prewarm;
}

static void start_one(struct prewarm_pool *pool)
{
    pool->instances = xgrow(pool->instances, pool->count, sizeof(*pool->instances));
    struct fleet_env *env = pool->prewarm->env;
    struct instance *instance = instance_start(env, &pool->spec, NULL, &pool_hooks, &pool->account, pool);
    if (pool->start_timeout_ms > 0)
        instance_set_start_timeout(instance, pool->start_timeout_ms);
    pool->instances[pool->count++] = instance;
}

/* Goes on with those that an earlier daemon has left. */
static void adopt(struct prewarm_pool *pool)
{
    struct fleet_env *env = pool->prewarm->env;
    struct instance_past *past;
    unsigned claimed = 0;
    while ((pool->hooks || pool->count < wanted(pool)) &&
           (past = adoption_claim(env->adoption, NULL, pool->key, 0))) {
        pool->instances = xgrow(pool->instances, pool->count, sizeof(*pool->instances));
        struct container_spec spec = pool->spec;
        spec.memory_bytes = past->record.limits.memory_bytes;
        spec.cpus = past->record.limits.cpus;
        spec.pids = past->record.limits.pids;
        pool->instances[pool->count++] = instance_adopt(env, past, &spec, NULL, &pool_hooks, pool);
        claimed++;
    }
    if (pool->hooks)
        pool->wanted += claimed;
}

static bool is_useful(const struct instance *instance)
{
    return instance_current_state(instance) <= INSTANCE_PREWARMED;
}

static bool is_ready(const struct instance *instance)
{
    return instance_current_state(instance) == INSTANCE_PREWARMED;
}

static bool is_coming(const struct instance *instance)
{
    return instance_current_state(instance) < INSTANCE_PREWARMED;
}

static unsigned count_matching(const struct prewarm_pool *pool,
                               bool (*matches)(const struct instance *instance))
{
    unsigned count = 0;
    for (size_t i = 0; i < pool->count; i++)
        count += matches(pool->instances[i]);
    return count;
}

unsigned prewarm_pool_useful(const struct prewarm_pool *pool)
{
    return count_matching(pool, is_useful);
}

static struct instance *find_first(const struct prewarm_pool *pool,
                                   bool (*matches)(const struct instance *instance))
{
    for (size_t i = 0; i < pool->count; i++) {
        if (matches(pool->instances[i]))
            return pool->instances[i];
    }
    return NULL;
}

/* Of the pools that have an instance to give, the one that was of no use for longest. */
static struct prewarm_pool *least_used(const struct prewarm *prewarm, bool special)
{
    struct prewarm_pool *best = NULL;
    for (struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        if (pool->is_special == special && find_first(pool, is_useful) &&
            (!best || pool->taken_ms < best->taken_ms))
            best = pool;
    }
    return best;
}

static bool has_its_due(const struct prewarm_pool *pool, uint64_t now_ms)
{
    return pool->members == 0 || pool->count >= wanted(pool) || now_ms < pool->retry_at_ms;
}

/* Whether special instances may be started: all others are there. */
static bool others_have_theirs(const struct prewarm *prewarm, uint64_t now_ms)
{
    for (const struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        if (!pool->is_special && !has_its_due(pool, now_ms))
            return false;
    }
    return true;
}

/* Removes those that match while there are too many, the newest first. */
static void trim_matching(struct prewarm_pool *pool, bool (*matches)(const struct instance *instance))
{
    unsigned useful = prewarm_pool_useful(pool);
    for (size_t i = pool->count; i > 0 && useful > pool->wanted; i--) {
        if (!matches(pool->instances[i - 1]))
            continue;
        instance_retire(pool->instances[i - 1], "memory is of more use elsewhere", 0);
        useful--;
    }
}

/* Removes what is too much; those that are ready only when no others are left. */
static void trim(struct prewarm_pool *pool)
{
    trim_matching(pool, is_coming);
    trim_matching(pool, is_ready);
}

/* Whether as many leave already, of any pool, as this one lacks. */
static bool enough_leave_for(const struct prewarm_pool *pool)
{
    size_t leaving = 0;
    for (const struct prewarm_pool *other = pool->prewarm->pools; other; other = other->next)
        leaving += other->count - prewarm_pool_useful(other);
    return pool->count + leaving >= wanted(pool);
}

static void make_room(struct prewarm_pool *pool)
{
    const struct prewarm_pool *special = enough_leave_for(pool) ? NULL : least_used(pool->prewarm, true);
    if (special)
        instance_retire(find_first(special, is_useful), "room is wanted", 0);
}

/* Starts what is missing; after failures only when it is time again. What there is no room for gets that of a
 * special instance, once it is gone. */
static void fill(struct prewarm_pool *pool)
{
    struct fleet_env *env = pool->prewarm->env;
    if (pool->prewarm->stopped || pool->members == 0 || env->engine->budget.short_of_room ||
        engine_is_away(env->engine))
        return;
    uint64_t now_ms = clock_ms();
    if (now_ms < pool->retry_at_ms) {
        timer_at(pool->retry, pool->retry_at_ms, now_ms);
        return;
    }
    if (pool->is_special && !others_have_theirs(pool->prewarm, now_ms))
        return;
    while (pool->count < wanted(pool) && budget_room(&env->engine->budget, pool->spec.memory_bytes) > 0)
        start_one(pool);
    if (!pool->is_special && !has_its_due(pool, now_ms))
        make_room(pool);
}

static void fill_all(struct prewarm *prewarm, bool special)
{
    for (struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        if (pool->is_special == special)
            fill(pool);
    }
}

void prewarm_pool_refill(struct prewarm_pool *pool)
{
    if (pool->hooks)
        trim(pool);
    fill(pool);
    if (!pool->is_special)
        fill_all(pool->prewarm, true);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    prewarm_pool_refill(context);
}

struct prewarm *prewarm_create(struct fleet_env *env)
{
    struct prewarm *prewarm = xcalloc(1, sizeof(*prewarm));
    prewarm->env = env;
    return prewarm;
}

void prewarm_destroy(struct prewarm *prewarm)
{
    if (!prewarm)
        return;
    while (prewarm->pools)
        pool_free(prewarm->pools);
    free(prewarm);
}

static struct prewarm_pool *pool_make(struct prewarm *prewarm, const struct container_spec *spec,
                                      const char *key, bool is_special)
{
    struct prewarm_pool *pool = xcalloc(1, sizeof(*pool));
    pool->prewarm = prewarm;
    pool->number = prewarm->made++;
    pool->is_special = is_special;
    memcpy(pool->key, key, sizeof(pool->key));
    pool->account.yields = true;
    pool->taken_ms = clock_ms();
    container_spec_copy(spec, &pool->spec);
    pool->retry = evtimer_new(prewarm->env->base, on_retry, pool);
    pool->next = prewarm->pools;
    prewarm->pools = pool;
    return pool;
}

struct prewarm_pool *prewarm_pool_join(struct prewarm *prewarm, const struct container_spec *spec,
                                       bool is_special, const struct prewarm_library_hooks *hooks)
{
    char key[HASH_HEX_SIZE];
    container_spec_digest(spec, key);
    struct prewarm_pool *pool = prewarm->pools;
    while (pool && strcmp(pool->key, key) != 0)
        pool = pool->next;
    if (!pool)
        pool = pool_make(prewarm, spec, key, is_special);
    pool->hooks = hooks;
    pool->members++;
    adopt(pool);
    prewarm_pool_refill(pool);
    return pool;
}

struct prewarm_pool *prewarm_join(struct prewarm *prewarm, const struct container_spec *spec, bool is_special)
{
    struct container_spec empty = *spec;
    empty.code_dir = NULL;
    empty.dependencies = NULL;
    empty.labels = NULL;
    empty.label_count = 0;
    empty.memory_bytes = MEMORY_BYTES;
    empty.cpus = CPUS;
    empty.pids = PIDS;
    return prewarm_pool_join(prewarm, &empty, is_special, NULL);
}

static void retire_all(struct prewarm_pool *pool, const char *why)
{
    for (size_t i = 0; i < pool->count; i++)
        instance_retire(pool->instances[i], why, 0);
}

void prewarm_leave(struct prewarm_pool *pool)
{
    if (--pool->members > 0)
        return;
    if (pool->count == 0)
        pool_free(pool);
    else
        retire_all(pool, "no function uses it");
}

struct instance *prewarm_next(const struct prewarm_pool *pool)
{
    struct instance *instance = find_first(pool, is_ready);
    return instance ? instance : find_first(pool, instance_is_on_its_way);
}

void prewarm_take(struct prewarm_pool *pool, struct instance *instance)
{
    forget(pool, instance);
    if (is_ready(instance))
        pool->failures = 0;
    uint64_t now_ms = clock_ms();
    pool->taken_ms = now_ms;
    timer_at(pool->retry, now_ms + REFILL_DELAY_MS, now_ms);
}

unsigned prewarm_ready(const struct prewarm_pool *pool)
{
    return count_matching(pool, is_ready);
}

unsigned prewarm_available(const struct prewarm_pool *pool)
{
    return count_matching(pool, is_ready) + count_matching(pool, instance_is_on_its_way);
}

void prewarm_refill(struct prewarm *prewarm)
{
    fill_all(prewarm, false);
    fill_all(prewarm, true);
}

void prewarm_resume(struct prewarm *prewarm)
{
    for (struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        pool->failures = 0;
        pool->retry_at_ms = 0;
    }
    prewarm_refill(prewarm);
}

bool prewarm_give_up(struct prewarm *prewarm)
{
    const struct prewarm_pool *best = least_used(prewarm, true);
    if (!best)
        best = least_used(prewarm, false);
    if (best)
        instance_retire(find_first(best, is_useful), "room is wanted", 0);
    return best != NULL;
}

void prewarm_usage(const struct prewarm *prewarm, unsigned *ret_instances, uint64_t *ret_memory_bytes)
{
    *ret_instances = 0;
    *ret_memory_bytes = 0;
    for (const struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        for (size_t i = 0; i < pool->count; i++) {
            if (!is_useful(pool->instances[i]))
                continue;
            ++*ret_instances;
            *ret_memory_bytes += pool->spec.memory_bytes;
        }
    }
}

uint64_t prewarm_memory_bytes(const struct prewarm_pool *pool)
{
    return pool->spec.memory_bytes;
}

void prewarm_stop(struct prewarm *prewarm)
{
    prewarm->stopped = true;
    for (struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next)
        retire_all(pool, "shutdown");
}

void prewarm_each_instance(struct prewarm *prewarm, void (*visit)(struct instance *instance, void *context),
                           void *context)
{
    for (struct prewarm_pool *pool = prewarm->pools; pool; pool = pool->next) {
        for (size_t i = 0; i < pool->count; i++)
            visit(pool->instances[i], context);
    }
}
