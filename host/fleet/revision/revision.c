#include "fleet/revision/revision_inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "fleet/scale/pool_watch.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_DIGEST_SIZE 13

static const char *const state_names[] = {
    [REVISION_PREPARING] = "preparing", [REVISION_BROKEN] = "broken",   [REVISION_STANDBY] = "standby",
    [REVISION_ACTIVE] = "active",       [REVISION_RETIRED] = "retired",
};

const char *revision_state_name(enum revision_state state)
{
    return state_names[state];
}

/* The first digits of the digest, enough for people; NULL while there is none. */
static const char *short_digest(const struct revision *revision, char text[SHORT_DIGEST_SIZE])
{
    memcpy(text, revision->prepared.digest, SHORT_DIGEST_SIZE - 1);
    text[SHORT_DIGEST_SIZE - 1] = '\0';
    return *text ? text : NULL;
}

/* The one place where the state changes. */
static void change_state(struct revision *revision, enum revision_state state)
{
    char text[SHORT_DIGEST_SIZE];
    log_info("revision.state", LOG_STR("function", revision->settings->name),
             LOG_STR("revision", short_digest(revision, text)), LOG_STR("from", state_names[revision->state]),
             LOG_STR("to", state_names[state]));
    revision->state = state;
}

static void on_demand(void *owner)
{
    struct revision *revision = owner;
    slot_pool_arm_demand(revision->pool);
    revision_scale(revision);
    revision_fail_hopeless_waiters(revision);
}

static void on_lost(void *owner, uint64_t id, enum slot_fate fate)
{
    struct instance *instance = revision_find_instance(owner, id);
    if (instance)
        instance_slot_lost(instance, fate);
}

static void on_drained(void *owner, uint64_t id)
{
    struct instance *instance = revision_find_instance(owner, id);
    if (instance)
        instance_drained(instance);
}

/* What is prewarmed gets its package by copying it, and no mounts any more. A server is its function from the
 * start. */
static void join_prewarmed(struct revision *revision)
{
    const struct prepared *prepared = &revision->prepared;
    struct container_spec spec;
    revision_fill_spec(revision, &spec);
    if (revision->env->host->prewarm > 0 && spec.port == 0 && prepared->package_bytes <= PACKAGE_COPY_BYTES &&
        prepared->package_files <= PACKAGE_COPY_FILES && spec.mount_count == 0)
        revision->prewarm = prewarm_join(revision->env->prewarm, &spec,
                                         revision->settings->system_packages.count > 0 || spec.egress);
}

/* A runner that dials needs no network to be called; a server has one. */
static void hold_egress(struct revision *revision)
{
    const struct egress *egress = &revision->settings->egress;
    bool is_server = revision->prepared.launch->transport == BUILD_TCP;
    if (!egress->is_limited || (egress->count == 0 && !is_server))
        return;
    revision->egress = egress_text(egress);
    engine_hold_egress(revision->env->engine, revision->egress);
}

static void on_prepared(void *owner, const struct error *err, struct prepared *prepared,
                        struct diagnostics *diagnostics, const char *output)
{
    struct revision *revision = owner;
    revision->preparation = NULL;
    if (!revision->restored_from)
        function_counts_built(&revision->shared->counts, clock_ms() - revision->build_began_ms, err);
    event_del(revision->news);
    if (err) {
        error_replace(&revision->problem, err);
        change_state(revision, REVISION_BROKEN);
        revision->hooks.broken(revision, err, diagnostics, output,
                               revision->owner); /* may move its waiters */
        slot_pool_close(revision->pool, err);
        return;
    }
    char digits[SHORT_DIGEST_SIZE];
    revision->prepared = *prepared;
    short_digest(revision, digits);
    slot_pool_set_revision(revision->pool, strtoull(digits, NULL, 16));
    if (revision->settings->concurrency == 0)
        revision->scale.concurrency = prepared->launch->concurrency;
    hold_egress(revision);
    join_prewarmed(revision);
    change_state(revision, REVISION_STANDBY);
    revision->hooks.prepared(revision, diagnostics, revision->owner);
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct revision *revision = context;
    if (revision->state == REVISION_RETIRED && revision->count == 0)
        revision->hooks.empty(revision, revision->owner);
}

/* Makes one that nothing is prepared of yet. */
static struct revision *create(struct fleet_env *env, struct generation *generation,
                               const struct function_settings *settings, struct scale_state *shared,
                               const struct revision_hooks *hooks, void *owner)
{
    struct revision *revision = xcalloc(1, sizeof(*revision));
    revision->env = env;
    revision->generation = generation_ref(generation);
    revision->settings = settings;
    revision->shared = shared;
    revision->hooks = *hooks;
    revision->owner = owner;
    revision->instance_hooks = &revision_instance_hooks;
    revision->library_hooks = &revision_library_hooks;
    revision->scale.concurrency = settings->concurrency ? settings->concurrency : 1;
    revision->news = evtimer_new(env->base, revision_on_news, revision);
    revision->retry = evtimer_new(env->base, revision_on_retry, revision);
    revision->expiry = evtimer_new(env->base, revision_on_expiry, revision);
    revision->ending = evtimer_new(env->base, on_ending, revision);
    static const struct pool_watch_hooks pool_hooks = {
        .demand = on_demand, .lost = on_lost, .drained = on_drained};
    revision->watch = pool_watch_create(env, &pool_hooks, revision, &revision->pool);
    revision->build_began_ms = clock_ms();
    revision_open_modules(revision);
    return revision;
}

struct revision *revision_create(struct fleet_env *env, struct generation *generation,
                                 const struct function_settings *settings, const char *inputs,
                                 struct scale_state *shared, const struct revision *before,
                                 const struct revision_hooks *hooks, void *owner)
{
    struct revision *revision = create(env, generation, settings, shared, hooks, owner);
    const char *likely_key = before ? before->prepared.dependency_key : NULL;
    snprintf(revision->inputs, sizeof(revision->inputs), "%s", inputs);
    shared->counts.builds++;
    revision->preparation = preparation_start(env, settings, inputs, likely_key, on_prepared, revision);
    revision_apply(revision, generation, settings);
    revision_tell_news(revision);
    return revision;
}

struct revision *revision_restore(struct fleet_env *env, struct generation *generation,
                                  const struct function_settings *settings, struct revision_record *record,
                                  struct scale_state *shared, const struct revision_hooks *hooks, void *owner)
{
    struct revision *revision = create(env, generation, settings, shared, hooks, owner);
    revision->restored_from = xstrdup(record->digest);
    revision->preparation = preparation_restore(env, settings, record, on_prepared, revision);
    revision_apply(revision, generation, settings);
    revision_tell_news(revision);
    return revision;
}

void revision_destroy(struct revision *revision)
{
    if (!revision)
        return;
    preparation_cancel(revision->preparation);
    revision_close_modules(revision);
    if (revision->prewarm)
        prewarm_leave(revision->prewarm);
    if (revision->egress)
        engine_drop_egress(revision->env->engine, revision->egress);
    pool_watch_end(revision->watch);
    slot_pool_unref(revision->pool);
    event_free(revision->news);
    event_free(revision->retry);
    event_free(revision->expiry);
    event_free(revision->ending);
    prepared_clear(&revision->prepared);
    generation_unref(revision->generation);
    generation_unref(revision->applied_generation);
    free(revision->instances);
    free(revision->egress);
    free(revision->mounts);
    free(revision->restored_from);
    free(revision->problem);
    free(revision);
}

void revision_activate(struct revision *revision)
{
    revision_set_trial_waits(revision, false);
    change_state(revision, REVISION_ACTIVE);
    revision_adopt(revision);
    revision_join_libraries(revision);
    revision_expire(revision);
    revision_scale(revision);
}

void revision_retire(struct revision *revision, const char *why)
{
    revision_set_trial_waits(revision, false);
    change_state(revision, REVISION_RETIRED);
    preparation_cancel(revision->preparation);
    revision->preparation = NULL;
    event_del(revision->news);
    event_del(revision->retry);
    event_del(revision->expiry);
    revision_leave_libraries(revision);
    for (size_t i = 0; i < revision->count; i++)
        instance_retire(revision->instances[i], why, revision->env->drain_ms);
    revision_end_if_empty(revision);
}

/* Makes `*held` the reference to `generation`. */
static void hold(struct generation **held, struct generation *generation)
{
    generation_ref(generation);
    generation_unref(*held);
    *held = generation;
}

static void scale_anew(struct revision *revision)
{
    if (revision->state != REVISION_ACTIVE)
        return;
    revision_expire(revision);
    revision_scale(revision);
}

void revision_take_minimum(struct revision *revision)
{
    revision_set_minimum(revision);
    scale_anew(revision);
}

void revision_apply(struct revision *revision, struct generation *generation,
                    const struct function_settings *settings)
{
    hold(&revision->applied_generation, generation);
    revision->applied = settings;
    revision_set_minimum(revision);
    revision->scale.max_scale = settings->max_scale;
    revision->scale.idle_timeout_ms = settings->idle_timeout_ms;
    for (size_t i = 0; i < revision->count; i++)
        instance_set_timeout(revision->instances[i], settings->timeout_ms);
    revision->next_due.found_ms = 0;
    revision_look_at_warmth(revision);
    scale_anew(revision);
}

void revision_renew(struct revision *revision, struct generation *generation,
                    const struct function_settings *settings, const char *inputs)
{
    hold(&revision->generation, generation);
    revision->settings = settings;
    snprintf(revision->inputs, sizeof(revision->inputs), "%s", inputs);
    if (revision->preparation)
        preparation_renew(revision->preparation, settings);
    revision->failures = 0;
    revision->retry_at_ms = 0;
    revision->package_changed = false;
    revision_scale(revision);
}

void revision_renew_as(struct revision *revision, const struct revision *same)
{
    free(revision->restored_from);
    revision->restored_from = same->restored_from ? xstrdup(same->restored_from) : NULL;
    revision_renew(revision, same->generation, same->settings, same->inputs);
}

void revision_resume(struct revision *revision)
{
    if (revision->problem && revision->problem->component == COMPONENT_DOCKER) {
        revision->failures = 0;
        revision->deaths = 0;
        revision->retry_at_ms = 0;
    }
    revision_expire(revision);
    revision_scale(revision);
}

enum revision_state revision_current_state(const struct revision *revision)
{
    return revision->state;
}

const struct function_settings *revision_settings(const struct revision *revision)
{
    return revision->settings;
}

const char *revision_inputs(const struct revision *revision)
{
    return revision->inputs;
}

bool revision_is_proven(const struct revision *revision)
{
    return revision->is_proven;
}

bool revision_is_restored(const struct revision *revision)
{
    return revision->restored_from != NULL;
}

const char *revision_restored_from(const struct revision *revision)
{
    return revision->restored_from;
}

const struct prepared *revision_prepared(const struct revision *revision)
{
    return &revision->prepared;
}

struct slot_pool *revision_pool(const struct revision *revision)
{
    return revision->pool;
}

const struct kept_error *revision_problem(const struct revision *revision)
{
    return revision->problem;
}
