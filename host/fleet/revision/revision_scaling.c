#include "fleet/revision/revision_inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "fleet/instance/fault.h"

#define TRIALS            3 /* of which all but the last may fail for reasons that pass */
#define PROOF_PATIENCE_MS 5000 /* for which a first revision that is to be seen to load waits for room */

void revision_set_minimum(struct revision *revision)
{
    const struct scale_state *shared = revision->shared;
    unsigned wanted = shared->has_minimum ? shared->minimum : revision->applied->min_scale;
    revision->scale.min_scale = (revision->proves || revision->learns) && wanted == 0 ? 1 : wanted;
}

/* What its load would tell is learnt when there is room, or at the first request. */
static void end_vain_learning(struct revision *revision)
{
    revision->learns = false;
    revision_set_minimum(revision);
}

void revision_end_proof(struct revision *revision)
{
    revision->proves = revision->learns = false;
    revision_set_minimum(revision);
}

void revision_keep_one(struct revision *revision, uint64_t ms)
{
    revision->scale.kept_until_ms = clock_ms() + ms;
}

static bool was_called(const struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    return counts.busy > 0 || counts.completed > 0;
}

uint64_t revision_keeps_one_ms(const struct revision *revision)
{
    uint64_t until_ms = revision->scale.kept_until_ms, now_ms = clock_ms();
    return until_ms > now_ms && !was_called(revision) ? until_ms - now_ms : 0;
}

void revision_expire(struct revision *revision)
{
    if (engine_is_away(revision->env->engine))
        return;
    if (was_called(revision)) /* from then on its instances go as all others */
        revision->scale.kept_until_ms = 0;
    uint64_t now_ms = clock_ms(), next_ms = UINT64_MAX;
    unsigned ready = revision_count_in(revision, INSTANCE_READY);
    for (size_t i = 0; i < revision->count; i++) {
        struct instance *instance = revision->instances[i];
        if (instance_current_state(instance) != INSTANCE_READY)
            continue;
        unsigned slots, busy;
        uint64_t idle_since_ms, check_ms = now_ms + INSTANCE_WORK_MS;
        instance_usage(instance, &slots, &busy, &idle_since_ms);
        if (instance_is_asked(instance) ||
            autoscaler_expired(&revision->scale, idle_since_ms, ready, now_ms, &check_ms)) {
            enum instance_expiry expiry = instance_expire(instance, idle_since_ms, now_ms);
            ready -= expiry != EXPIRY_STAYS;
            check_ms = expiry != EXPIRY_GONE ? now_ms + INSTANCE_WORK_MS : UINT64_MAX;
        }
        next_ms = check_ms < next_ms ? check_ms : next_ms;
    }
    if (next_ms != UINT64_MAX)
        timer_at(revision->expiry, next_ms, now_ms);
}

void revision_on_expiry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    revision_expire(context);
}

static void log_decision(struct revision *revision, const struct scale_inputs *inputs,
                         const struct scale_decision *decision)
{
    if (decision->start == 0 && decision->reason == revision->last_reason)
        return;
    revision->last_reason = decision->reason;
    scale_history_add(&revision->shared->history, inputs, decision);
    if (decision->reason == SCALE_ENOUGH)
        return;
    log_info("scale.decision", LOG_STR("function", revision->settings->name),
             LOG_INT("start", decision->start), LOG_INT("denied", decision->denied),
             LOG_INT("spared", decision->spared), LOG_STR("reason", scale_reason_name(decision->reason)),
             LOG_INT("waiting", inputs->counts.waiting), LOG_INT("idle", inputs->counts.idle),
             LOG_INT("busy", inputs->counts.busy), LOG_INT("starting", inputs->starting_instances),
             LOG_INT("instances", inputs->counts.instances), LOG_INT("room", inputs->host_room),
             LOG_INT("prewarmed", inputs->prewarmed), LOG_INT("service_us", inputs->counts.service_us),
             LOG_INT("expected_start_ms", inputs->expected_start_ms));
}

/* How many instances the host has room for, prewarmed ones that would become some of them included. What
 * waits to be tried comes first. */
static unsigned room(const struct revision *revision)
{
    const struct fleet_env *env = revision->env;
    unsigned prewarmed = revision->prewarm ? prewarm_available(revision->prewarm) : 0;
    unsigned found = budget_room_with(&env->engine->budget, revision->settings->memory_bytes, prewarmed,
                                      prewarmed ? prewarm_memory_bytes(revision->prewarm) : 0);
    found += revision->libraries ? prewarm_ready(revision->libraries) : 0; /* its own size */
    unsigned reserved = revision->state == REVISION_STANDBY ? 0 : env->engine->budget.trials_waiting;
    return found > reserved ? found - reserved : 0;
}

void revision_gather_inputs(const struct revision *revision, struct scale_inputs *ret_inputs)
{
    const struct fleet_env *env = revision->env;
    unsigned ready = revision_prewarmed_ready(revision);
    *ret_inputs = (struct scale_inputs){
        .starting_instances = revision_starting_count(revision),
        .host_room = room(revision),
        .expected_start_ms = env->expected_start_ms,
        .engine_away = engine_is_away(env->engine),
        .prewarmed = ready,
        .now_ms = clock_ms(),
        .retry_at_ms = revision->retry_at_ms,
    };
    slot_pool_counts(revision->pool, &ret_inputs->counts);
    ret_inputs->counts.instances = revision_count_in(revision, INSTANCE_READY);
}

/* Others may have to make room for what was denied. */
static void note_denied(struct revision *revision, unsigned denied)
{
    revision->denied = denied;
    if (denied > 0)
        budget_want(&revision->env->engine->budget);
}

/* Looks again when what a decision waits for should be over. */
static void arm_retry(struct revision *revision, const struct scale_inputs *inputs,
                      const struct scale_decision *decision)
{
    if (decision->spared > 0)
        timer_at(revision->retry, inputs->now_ms + inputs->expected_start_ms, inputs->now_ms);
    else if (decision->reason == SCALE_BACKING_OFF)
        timer_at(revision->retry, inputs->retry_at_ms, inputs->now_ms);
    else if (decision->reason == SCALE_HOST_FULL && revision->proves)
        timer_at(revision->retry, revision->trial_since_ms + PROOF_PATIENCE_MS, inputs->now_ms);
}

/* Whoever waits to hear whether it loads waits no longer; the next request has it start. */
static void end_vain_proof(struct revision *revision, const struct scale_inputs *inputs)
{
    struct error err;
    if (!revision->proves || inputs->now_ms < revision->trial_since_ms + PROOF_PATIENCE_MS)
        return;
    revision_end_proof(revision);
    error_set(&err, ERROR_HOST_FULL,
              "this host has no room for an instance that would show whether it loads");
    error_hint(&err, "the next request starts it; the limits are max_instances and max_memory in the section "
                     "`host`");
    revision->hooks.load_failed(revision, &err, revision->owner);
}

void revision_set_trial_waits(struct revision *revision, bool waits)
{
    if (waits != revision->trial_waits)
        revision->env->engine->budget.trials_waiting += waits ? 1 : -1;
    revision->trial_waits = waits;
}

/* Starts the instance on trial once there is room for it. */
static void start_trial(struct revision *revision)
{
    bool has_room = room(revision) > 0;
    revision_set_trial_waits(revision, !has_room);
    note_denied(revision, has_room ? 0 : 1);
    if (!has_room)
        return;
    if (revision_start_one(revision))
        revision_tell_starting(revision);
}

static void put_off_trial(struct revision *revision)
{
    revision->trial_is_due = true;
    timer_at(revision->retry, revision->retry_at_ms, clock_ms());
}

/* A container that somebody has removed says nothing of the revision, and a prewarmed one may be such. */
bool revision_try_again(struct revision *revision, const struct error *cause)
{
    if (fault_is_own(cause->component, cause->code) || cause->code == ERROR_IMAGE_MISSING ||
        revision->failures + 1 >= TRIALS)
        return false;
    revision->retry_at_ms = clock_ms() + autoscaler_backoff_ms(++revision->failures);
    put_off_trial(revision);
    return true;
}

static void go_on_with_trial(struct revision *revision)
{
    if (clock_ms() < revision->retry_at_ms) {
        put_off_trial(revision);
        return;
    }
    revision->trial_is_due = false;
    start_trial(revision);
}

void revision_scale(struct revision *revision)
{
    if (revision->state == REVISION_STANDBY && (revision->trial_waits || revision->trial_is_due))
        go_on_with_trial(revision);
    if (revision->state != REVISION_ACTIVE)
        return;
    struct scale_inputs inputs;
    revision_gather_inputs(revision, &inputs);
    if (revision->learns && inputs.host_room == 0)
        end_vain_learning(revision);
    struct scale_decision decision = autoscaler_decide(&revision->scale, &inputs);
    slot_pool_set_limit(revision->pool, scale_reason_limit(decision.reason));
    log_decision(revision, &inputs, &decision);
    unsigned started = 0;
    while (started < decision.start && revision_start_one(revision))
        started++;
    if (started > 0) {
        revision_tell_starting(revision);
        revision_look_at_warmth(revision);
    }
    if (decision.reason == SCALE_DEMAND)
        cold_starts_add(&revision->shared->cold_starts, started, wall_clock_ms());
    note_denied(revision, decision.denied);
    revision_tell_news(revision);
    arm_retry(revision, &inputs, &decision);
    if (decision.reason == SCALE_HOST_FULL)
        end_vain_proof(revision, &inputs);
}

void revision_on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    revision_scale(context);
}

/* Whether there can ever be room for an instance. Else its owner has been told. */
static bool is_possible(struct revision *revision)
{
    const struct budget *budget = &revision->env->engine->budget;
    if (revision->settings->memory_bytes <= budget->max_memory_bytes)
        return true;
    struct error err;
    error_set(&err, ERROR_HOST_FULL, "its `memory` is more than all instances together may take");
    error_hint(&err, "lower `memory`, or raise `max_memory` in the section `host`");
    revision->hooks.load_failed(revision, &err, revision->owner);
    return false;
}

void revision_try(struct revision *revision)
{
    revision_adopt(revision);
    if (revision->is_proven) {
        revision->hooks.loaded(revision, revision->owner);
        return;
    }
    if (!is_possible(revision))
        return;
    revision->trial_since_ms = clock_ms();
    start_trial(revision);
}

void revision_prove(struct revision *revision)
{
    if (!is_possible(revision))
        return;
    revision->proves = true;
    revision->trial_since_ms = clock_ms();
    revision_set_minimum(revision);
    revision_scale(revision);
}

uint64_t revision_trial_waits_since(const struct revision *revision)
{
    return revision->trial_waits ? revision->trial_since_ms : 0;
}

bool revision_cede(struct revision *revision, bool drain)
{
    for (size_t i = 0; i < revision->count; i++) {
        if (instance_retire_if_idle(revision->instances[i], "its successor wants room"))
            return true;
    }
    bool drains = revision_count_in(revision, INSTANCE_DRAINING) > 0;
    for (size_t i = 0; i < revision->count && drain && !drains; i++) {
        if (instance_current_state(revision->instances[i]) != INSTANCE_READY)
            continue;
        instance_retire(revision->instances[i], "its successor wants room", revision->env->drain_ms);
        return true;
    }
    return false;
}

unsigned revision_denied(const struct revision *revision)
{
    if (revision->trial_waits)
        return 1;
    if (revision->state != REVISION_ACTIVE || revision->denied == 0)
        return 0;
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    unsigned present = revision_count_in(revision, INSTANCE_READY) + revision_starting_count(revision);
    bool below_minimum = present < revision->scale.min_scale;
    return counts.waiting > 0 || below_minimum ? revision->denied : 0;
}

struct instance *revision_spare(const struct revision *revision, uint64_t *ret_idle_since_ms)
{
    struct instance *best = NULL;
    if (revision_count_in(revision, INSTANCE_READY) <= revision->scale.min_scale)
        return NULL;
    for (size_t i = 0; i < revision->count; i++) {
        unsigned slots, busy;
        uint64_t idle_since_ms;
        instance_usage(revision->instances[i], &slots, &busy, &idle_since_ms);
        if (idle_since_ms == 0 || instance_works(revision->instances[i]) ||
            (best && idle_since_ms >= *ret_idle_since_ms))
            continue;
        best = revision->instances[i];
        *ret_idle_since_ms = idle_since_ms;
    }
    return best;
}
