#include "fleet/revision/revision_inside.h"

#include "base/clock.h"
#include "fleet/instance/fault.h"

#define STABLE_MS 10000 /* an instance that served for less has died young */

static void note_start_time(struct fleet_env *env, const struct instance *instance)
{
    const struct instance_times *times = instance_phase_times(instance);
    uint64_t took_ms = times->create_ms + times->start_ms + times->load_ms;
    if (times->create_ms > 0)
        env->expected_start_ms =
            env->expected_start_ms ? (7 * env->expected_start_ms + took_ms) / 8 : took_ms;
}

/* Whether a start whose turn has come would still be of use. */
static bool is_needed(struct revision *revision)
{
    struct scale_inputs inputs;
    revision_tell_starting(revision);
    revision_gather_inputs(revision, &inputs);
    return autoscaler_needs_start(&revision->scale, &inputs);
}

/* A prewarmed instance that has become ready while this one waited for its turn serves sooner. */
static bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    struct revision *revision = owner;
    if (revision->state == REVISION_ACTIVE)
        return is_needed(revision) && revision_package_is_intact(revision) &&
               !revision_start_prewarmed(revision) && !engine_is_away(revision->env->engine);
    return revision->state == REVISION_STANDBY;
}

static void on_ready(struct instance *instance, void *owner)
{
    struct revision *revision = owner;
    revision->failures = 0;
    error_replace(&revision->problem, NULL);
    note_start_time(revision->env, instance);
    function_counts_ready(&revision->shared->counts, instance);
    revision_learn_modules(revision, instance);
    revision_tell_starting(revision);
    revision_end_proof(revision);
    revision_expire(revision);
    bool is_first = !revision->is_proven;
    revision->is_proven = true;
    if (revision->state == REVISION_STANDBY) {
        revision->hooks.loaded(revision, revision->owner);
        return;
    }
    if (is_first && revision->state == REVISION_ACTIVE)
        revision->hooks.proven(revision, revision->owner);
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

static bool has_no_image(const struct revision *revision)
{
    return revision->problem && revision->problem->code == ERROR_IMAGE_MISSING;
}

bool revision_is_stale(const struct revision *revision)
{
    return revision->package_changed || has_no_image(revision);
}

void revision_rebuild_failed(struct revision *revision, const struct error *err)
{
    bool is_told =
        revision->package_changed ||
        (has_no_image(revision) && fault_is_own(err->component, err->code) && !has_slots(revision));
    revision->package_changed = false; /* the next request tries again */
    if (is_told)
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

static void note_failure(struct revision *revision, struct instance *instance, const struct error *cause)
{
    error_replace(&revision->problem, cause);
    failure_note(&revision->shared->last_failure, instance, cause);
    function_counts_lost(&revision->shared->counts, cause);
    revision_tell_starting(revision);
}

/* Whether it has not come to serving, and would not the next time. */
static bool cannot_load(struct instance *instance, const struct error *cause)
{
    return instance_served_ms(instance) == 0 && fault_is_own(cause->component, cause->code);
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    struct revision *revision = owner;
    note_failure(revision, instance, cause);
    if (cannot_load(instance, cause))
        revision_clear_libraries(revision);
    if (revision->state == REVISION_STANDBY) {
        if (!revision_try_again(revision, cause))
            revision->hooks.load_failed(revision, cause, revision->owner);
        return;
    }
    bool proved = revision->proves, own = fault_is_own(cause->component, cause->code);
    revision_end_proof(revision);
    revision->retry_at_ms = clock_ms() + pause_ms(revision, instance_served_ms(instance), own);
    revision_scale(revision);
    revision_fail_hopeless_waiters(revision);
    if (revision->state != REVISION_ACTIVE)
        return;
    if (cause->code == ERROR_IMAGE_MISSING)
        revision->hooks.stale(revision, revision->owner);
    if (proved)
        revision->hooks.load_failed(revision, cause, revision->owner);
}

/* One without its libraries may load it, and serves those who wait: the function has not failed yet. */
static void on_failed_with_libraries(struct instance *instance, const struct error *cause, void *owner)
{
    struct revision *revision = owner;
    if (revision->state != REVISION_ACTIVE || !cannot_load(instance, cause)) {
        on_failed(instance, cause, owner);
        return;
    }
    note_failure(revision, instance, cause);
    revision_doubt_libraries(revision, cause);
    revision_scale(revision);
}

void revision_end_if_empty(struct revision *revision)
{
    if (revision->state == REVISION_RETIRED && revision->count == 0)
        event_active(revision->ending, EV_TIMEOUT, 0);
}

static void on_gone(struct instance *instance, void *owner)
{
    struct revision *revision = owner;
    function_counts_gone(&revision->shared->counts, instance);
    for (size_t i = 0; i < revision->count; i++) {
        if (revision->instances[i] == instance) {
            revision->instances[i] = revision->instances[--revision->count];
            break;
        }
    }
    revision_tell_starting(revision);
    revision_look_at_warmth(revision);
    if (revision->state == REVISION_ACTIVE)
        revision_scale(revision);
    revision_end_if_empty(revision);
}

const struct instance_hooks revision_instance_hooks = {
    .wanted = on_wanted,
    .ready = on_ready,
    .failed = on_failed,
    .gone = on_gone,
};

const struct instance_hooks revision_library_hooks = {
    .wanted = on_wanted,
    .ready = on_ready,
    .failed = on_failed_with_libraries,
    .gone = on_gone,
};
