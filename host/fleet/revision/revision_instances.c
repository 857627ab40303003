#include "fleet/revision/revision_inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "fleet/instance/fault.h"
#include "fleet/revision/init_settings.h"
#include "fleet/scale/prewarm.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>

#define STABLE_MS 10000 /* an instance that served for less has died young */

unsigned revision_count_in(const struct revision *revision, enum instance_state state)
{
    unsigned count = 0;
    for (size_t i = 0; i < revision->count; i++)
        count += instance_current_state(revision->instances[i]) == state;
    return count;
}

unsigned revision_starting_count(const struct revision *revision)
{
    return revision_count_in(revision, INSTANCE_CREATING) + revision_count_in(revision, INSTANCE_STARTING) +
           revision_count_in(revision, INSTANCE_LOADING);
}

void revision_tell_starting(struct revision *revision)
{
    slot_pool_set_starting(revision->pool, revision_starting_count(revision) * revision->scale.concurrency);
}

static void note_start_time(struct fleet_env *env, const struct instance *instance)
{
    const struct instance_times *times = instance_phase_times(instance);
    uint64_t took_ms = times->create_ms + times->start_ms + times->load_ms;
    if (times->create_ms > 0)
        env->expected_start_ms =
            env->expected_start_ms ? (7 * env->expected_start_ms + took_ms) / 8 : took_ms;
}

static bool start_prewarmed(struct revision *revision);

/* Nothing is started from a package that was changed on the disk. It is made anew from the function's files,
 * once for all the starts that are wanted meanwhile; whoever waits goes on waiting. */
static bool package_is_intact(struct revision *revision)
{
    struct error err;
    if (revision->package_changed)
        return false;
    if (package_store_verify(revision->env->packages, revision->prepared.package_digest, &err) == 0)
        return true;
    log_warning("revision.package_changed", LOG_STR("function", revision->settings->name), LOG_ERR(&err));
    if (revision->state == REVISION_STANDBY) {
        revision->hooks.load_failed(revision, &err, revision->owner);
        return false;
    }
    revision->package_changed = true;
    revision->hooks.stale(revision, revision->owner);
    return false;
}

/* Whether a start whose turn has come would still be of use. */
static bool is_needed(struct revision *revision)
{
    struct slot_counts counts;
    unsigned others = revision_starting_count(revision) - 1;
    revision_tell_starting(revision);
    slot_pool_counts(revision->pool, &counts);
    unsigned coming = counts.starting - revision->scale.concurrency; /* without this one's */
    return counts.waiting > counts.idle + coming || counts.instances + others < revision->scale.min_scale;
}

/* A prewarmed instance that has become ready while this one waited for its turn serves sooner. */
static bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    struct revision *revision = owner;
    if (revision->state == REVISION_ACTIVE)
        return is_needed(revision) && package_is_intact(revision) && !start_prewarmed(revision) &&
               !fleet_engine_is_away(revision->env);
    return revision->state == REVISION_STANDBY;
}

static void on_ready(struct instance *instance, void *owner)
{
    struct revision *revision = owner;
    revision->failures = 0;
    error_replace(&revision->problem, NULL);
    note_start_time(revision->env, instance);
    revision_tell_starting(revision);
    revision_expire(revision);
    if (revision->state == REVISION_STANDBY)
        revision->hooks.loaded(revision, revision->owner);
    else
        revision_scale(revision);
}

/* Whether the next start would fail like the last one. What came from outside may pass, and what is the
 * engine's trouble is waited for; a container that is ended again and again is not. */
static bool is_hopeless(const struct revision *revision)
{
    const struct kept_error *problem = revision->problem;
    if (!problem)
        return false;
    bool engine = problem->component == COMPONENT_DOCKER;
    return fault_is_own(problem->component, problem->code) || (!engine && revision->failures > 1);
}

/* Whether some instance, though busy, will serve those who wait. */
static bool has_slots(const struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    return counts.instances > 0;
}

void revision_note_unbuildable(struct revision *revision, const struct error *err)
{
    bool missed = revision->problem && revision->problem->code == ERROR_IMAGE_MISSING;
    if (missed && fault_is_own(err->component, err->code) && !has_slots(revision))
        slot_pool_fail_waiters(revision->pool, err);
}

void revision_fail_hopeless_waiters(struct revision *revision)
{
    bool backing_off = revision->failures > 0 && clock_ms() < revision->retry_at_ms;
    if (!backing_off || !is_hopeless(revision) || has_slots(revision))
        return;
    struct error problem;
    error_recall(revision->problem, &problem);
    slot_pool_fail_waiters(revision->pool, &problem);
}

/* What never served is tried again after a pause; what served is replaced at once, unless it keeps dying
 * young. When that is not its own doing the pause does not grow: whoever ends its instances shall not keep it
 * from serving. */
static uint64_t pause_ms(struct revision *revision, uint64_t served_ms, bool own)
{
    if (served_ms == 0)
        return autoscaler_backoff_ms(++revision->failures);
    revision->deaths = served_ms < STABLE_MS ? revision->deaths + 1 : 0;
    if (revision->deaths <= 1)
        return 0;
    return autoscaler_backoff_ms(own ? revision->deaths - 1 : 1);
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    struct revision *revision = owner;
    error_replace(&revision->problem, cause);
    failure_note(&revision->shared->last_failure, instance, cause);
    revision_tell_starting(revision);
    if (revision->state == REVISION_STANDBY) {
        revision->hooks.load_failed(revision, cause, revision->owner);
        return;
    }
    bool own = fault_is_own(cause->component, cause->code);
    revision->retry_at_ms = clock_ms() + pause_ms(revision, instance_served_ms(instance), own);
    revision_scale(revision);
    revision_fail_hopeless_waiters(revision);
    if (revision->state == REVISION_ACTIVE && cause->code == ERROR_IMAGE_MISSING)
        revision->hooks.stale(revision, revision->owner);
}

void revision_end_if_empty(struct revision *revision)
{
    if (revision->state == REVISION_RETIRED && revision->count == 0)
        event_active(revision->ending, EV_TIMEOUT, 0);
}

static void on_gone(struct instance *instance, void *owner)
{
    struct revision *revision = owner;
    for (size_t i = 0; i < revision->count; i++) {
        if (revision->instances[i] == instance) {
            revision->instances[i] = revision->instances[--revision->count];
            break;
        }
    }
    revision_tell_starting(revision);
    if (revision->state == REVISION_ACTIVE)
        revision_scale(revision);
    revision_end_if_empty(revision);
}

static const struct instance_hooks instance_hooks = {
    .wanted = on_wanted,
    .ready = on_ready,
    .failed = on_failed,
    .gone = on_gone,
};

void revision_fill_spec(const struct revision *revision, struct instance_spec *spec)
{
    const struct build_launch *launch = revision->prepared.launch;
    *spec = (struct instance_spec){
        .runtime = revision->settings->language,
        .image = revision->prepared.image,
        .command = (const char *const *)launch->command,
        .environment = (const char *const *)launch->environment,
        .code_dir = revision->prepared.code_dir,
        .memory_bytes = revision->settings->memory_bytes,
        .tmp_bytes = revision->settings->tmp_bytes,
        .shm_bytes = revision->settings->shm_bytes,
        .cpus = revision->settings->cpus,
        .network = revision->settings->network,
    };
}

/* The caller gives back the settings that are returned. */
static json_t *fill_load(const struct revision *revision, struct instance_load *load)
{
    json_t *settings =
        init_settings_make(revision->settings, &revision->prepared, revision->scale.concurrency);
    *load = (struct instance_load){
        .function = revision->settings->name,
        .output = revision->shared->output,
        .pool = revision->pool,
        .settings = settings,
        .concurrency = revision->scale.concurrency,
        .timeout_ms = revision->settings->timeout_ms,
        .start_timeout_ms = revision->settings->start_timeout_ms,
        .memory_bytes = revision->settings->memory_bytes,
        .cpus = revision->settings->cpus,
    };
    return settings;
}

static void remember(struct revision *revision, struct instance *instance)
{
    if (revision->count == revision->capacity) {
        revision->capacity = revision->capacity ? 2 * revision->capacity : 4;
        revision->instances = xrealloc(revision->instances, revision->capacity * sizeof(struct instance *));
    }
    revision->instances[revision->count++] = instance;
}

/* Puts the code in place; an instance with half of it is of no use to anybody. */
static bool give_code(struct revision *revision, struct instance *instance)
{
    struct error err;
    if (package_store_copy(revision->env->packages, revision->prepared.package_digest,
                           instance_code_dir(instance), &err) == 0)
        return true;
    log_warning("revision.package-not-copied", LOG_STR("function", revision->settings->name), LOG_ERR(&err));
    instance_retire(instance, "its code could not be put in place", 0);
    return false;
}

/* Gives the function to a prewarmed instance, ready or nearly so; false when there is none. */
static bool start_prewarmed(struct revision *revision)
{
    struct instance *instance = revision->prewarm ? prewarm_next(revision->prewarm) : NULL;
    if (!instance || !give_code(revision, instance))
        return false;
    struct instance_load load;
    json_t *settings = fill_load(revision, &load);
    prewarm_take(revision->prewarm, instance);
    remember(revision, instance);
    instance_load(instance, &load, &instance_hooks, revision);
    json_decref(settings);
    return true;
}

/* Starts a container of its own. */
static void start_fresh(struct revision *revision)
{
    struct instance_spec spec;
    struct instance_load load;
    revision_fill_spec(revision, &spec);
    json_t *settings = fill_load(revision, &load);
    remember(revision, instance_start(revision->env, &spec, &load, &instance_hooks,
                                      &revision->shared->account, revision));
    json_decref(settings);
}

/* Looking at a package takes a while when it has thousands of files, so it is done once a start: of a
 * container of its own, when its turn has come. A trial's turn is not asked about. */
static bool may_start(struct revision *revision)
{
    bool prewarmed = revision->prewarm && prewarm_available(revision->prewarm) > 0;
    if (prewarmed || revision->state == REVISION_STANDBY)
        return package_is_intact(revision);
    return !revision->package_changed;
}

bool revision_start_one(struct revision *revision)
{
    if (!may_start(revision))
        return false;
    if (!start_prewarmed(revision))
        start_fresh(revision);
    if (revision->prepared.dependency_key)
        dependency_store_touch(revision->env->dependencies, revision->prepared.dependency_key);
    return true;
}

void revision_each(struct revision *revision, void (*visit)(struct instance *instance, void *context),
                   void *context)
{
    for (size_t i = 0; i < revision->count; i++)
        visit(revision->instances[i], context);
}

struct instance *revision_find_instance(const struct revision *revision, uint64_t id)
{
    for (size_t i = 0; i < revision->count; i++) {
        if (instance_id(revision->instances[i]) == id)
            return revision->instances[i];
    }
    return NULL;
}
