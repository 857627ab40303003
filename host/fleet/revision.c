#include "fleet/revision.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "build/dependency_store.h"
#include "build/package_store.h"
#include "fleet/autoscaler.h"
#include "fleet/engine_queue.h"
#include "fleet/init_settings.h"
#include "fleet/pool_watch.h"
#include "fleet/prewarm.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_DIGEST_SIZE 13
#define STABLE_MS         10000 /* an instance that served for less has died young */

struct revision {
    struct fleet_env *env;
    struct generation *generation;
    const struct function_settings *settings;
    struct scale_state *shared;
    struct revision_hooks hooks;
    void *owner;
    enum revision_state state;
    struct slot_pool *pool;
    struct pool_watch *watch;
    struct preparation *preparation;
    struct prepared prepared;
    struct prewarm_pool *prewarm; /* NULL: the package is too big for prewarmed instances */
    struct scale_settings scale;
    struct kept_error *problem; /* the last of a start or build */

    struct instance **instances;
    size_t count, capacity;
    unsigned failures; /* starts in a row */
    unsigned deaths;   /* in a row, of instances that had just become ready */
    unsigned denied;   /* instances that the last decision wanted beyond the host's room */
    bool trial_waits;  /* in standby: for room on the host */
    uint64_t trial_since_ms;
    struct failure last_failure;
    uint64_t retry_at_ms;
    struct event *retry;    /* back-off has ended */
    struct event *expiry;   /* the next instance may have been idle for long enough */
    struct event *dialling; /* the time for opening slots is over */
    struct event *ending;   /* retired without instances: reports from the event loop */
    enum scale_reason last_reason;
};

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

/* --- instances --- */

static unsigned count_in(const struct revision *revision, enum instance_state state)
{
    unsigned count = 0;
    for (size_t i = 0; i < revision->count; i++)
        count += instance_current_state(revision->instances[i]) == state;
    return count;
}

static unsigned starting_count(const struct revision *revision)
{
    return count_in(revision, INSTANCE_STARTING) + count_in(revision, INSTANCE_LOADING);
}

/* Slots on their way: all of the instances that start, and those that a ready one's runner has yet to open.
 */
static unsigned starting_slots(const struct revision *revision)
{
    uint64_t now_ms = clock_ms();
    unsigned slots = starting_count(revision) * revision->scale.concurrency;
    for (size_t i = 0; i < revision->count; i++)
        slots += instance_missing_slots(revision->instances[i], now_ms);
    return slots;
}

static void tell_starting(struct revision *revision)
{
    slot_pool_set_starting(revision->pool, starting_slots(revision));
}

/* Removes instances that have been idle for long enough and sets the timer for the next. None while Docker is
 * away: nothing could take its place. */
static void expire(struct revision *revision)
{
    if (fleet_engine_is_away(revision->env))
        return;
    uint64_t now_ms = clock_ms(), next_ms = UINT64_MAX;
    unsigned ready = count_in(revision, INSTANCE_READY);
    for (size_t i = 0; i < revision->count; i++) {
        struct instance *instance = revision->instances[i];
        if (instance_current_state(instance) != INSTANCE_READY)
            continue;
        unsigned slots, busy;
        uint64_t idle_since_ms, check_ms;
        instance_usage(instance, &slots, &busy, &idle_since_ms);
        if (!autoscaler_expired(&revision->scale, idle_since_ms, ready, now_ms, &check_ms)) {
            next_ms = check_ms < next_ms ? check_ms : next_ms;
        } else if (instance_retire_if_idle(instance, "idle")) {
            ready--;
        } else { /* a request has just come */
            next_ms = now_ms + revision->scale.idle_timeout_ms + 1;
        }
    }
    if (next_ms != UINT64_MAX)
        fleet_timer_at(revision->expiry, next_ms, now_ms);
}

static void on_expiry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    expire(context);
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

/* Whether a start whose turn has come would still be of use. */
static bool is_needed(const struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    unsigned coming = starting_slots(revision) - revision->scale.concurrency; /* without this one's */
    unsigned others = starting_count(revision) - 1;
    return counts.waiting > counts.idle + coming || counts.instances + others < revision->scale.min_scale;
}

/* A prewarmed instance that has become ready while this one waited for its turn serves sooner. */
static bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    struct revision *revision = owner;
    if (revision->state == REVISION_ACTIVE)
        return is_needed(revision) && !start_prewarmed(revision) && !fleet_engine_is_away(revision->env);
    return revision->state == REVISION_STANDBY;
}

/* The runner of a ready instance has had its time to open all its slots: waiters count on no further ones. */
static void on_dialled_out(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    tell_starting(context);
    revision_scale(context);
}

static void on_slot_added(struct instance *instance, void *owner)
{
    (void)instance;
    tell_starting(owner);
}

static void on_ready(struct instance *instance, void *owner)
{
    struct revision *revision = owner;
    revision->failures = 0;
    error_replace(&revision->problem, NULL);
    note_start_time(revision->env, instance);
    tell_starting(revision);
    if (revision->scale.concurrency > 1)
        fleet_timer_at(revision->dialling, clock_ms() + INSTANCE_DIAL_MS, clock_ms());
    expire(revision);
    if (revision->state == REVISION_STANDBY)
        revision->hooks.loaded(revision, revision->owner);
    else
        revision_scale(revision);
}

/* Whether the last start failed by the function's own fault. What is Docker's trouble may pass; a container
 * that has ended for the first time in a row may have been ended by somebody else. */
static bool is_own_fault(const struct revision *revision)
{
    const struct kept_error *problem = revision->problem;
    if (!problem || strcmp(problem->component, "docker") == 0)
        return false;
    return revision->failures > 1 || strcmp(problem->reason, "container-exited") != 0;
}

/* Gives the waiting requests the cause when no instance will serve them soon. */
static void fail_hopeless_waiters(struct revision *revision)
{
    bool backing_off = revision->failures > 0 && clock_ms() < revision->retry_at_ms;
    if (!backing_off || !is_own_fault(revision) || count_in(revision, INSTANCE_READY) > 0)
        return;
    struct error problem;
    error_recall(revision->problem, &problem);
    slot_pool_fail_waiters(revision->pool, &problem);
}

/* What never served is tried again after a pause; what served is replaced at once, unless it keeps dying
 * young. */
static uint64_t pause_ms(struct revision *revision, uint64_t served_ms)
{
    if (served_ms == 0)
        return autoscaler_backoff_ms(++revision->failures);
    revision->deaths = served_ms < STABLE_MS ? revision->deaths + 1 : 0;
    return revision->deaths > 1 ? autoscaler_backoff_ms(revision->deaths - 1) : 0;
}

static void note_failure(struct revision *revision, const struct instance *instance,
                         const struct error *cause)
{
    error_replace(&revision->problem, cause);
    error_replace(&revision->last_failure.cause, cause);
    revision->last_failure.at_ms = clock_ms();
    memcpy(revision->last_failure.instance, instance_name(instance), INSTANCE_ID_DIGITS);
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    struct revision *revision = owner;
    note_failure(revision, instance, cause);
    tell_starting(revision);
    if (revision->state == REVISION_STANDBY) {
        revision->hooks.load_failed(revision, cause, revision->owner);
        return;
    }
    revision->retry_at_ms = clock_ms() + pause_ms(revision, instance_served_ms(instance));
    revision_scale(revision);
    fail_hopeless_waiters(revision);
    if (revision->state == REVISION_ACTIVE && strcmp(cause->reason, "image-missing") == 0)
        revision->hooks.stale(revision, revision->owner);
}

static void end_if_empty(struct revision *revision)
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
    tell_starting(revision);
    if (revision->state == REVISION_ACTIVE)
        revision_scale(revision);
    end_if_empty(revision);
}

static const struct instance_hooks instance_hooks = {
    .wanted = on_wanted,
    .ready = on_ready,
    .slot_added = on_slot_added,
    .failed = on_failed,
    .gone = on_gone,
};

/* --- starting --- */

static void fill_spec(const struct revision *revision, struct instance_spec *spec)
{
    const struct build_launch *launch = revision->prepared.launch;
    *spec = (struct instance_spec){
        .runtime = revision->settings->language,
        .image = revision->prepared.image,
        .command = (const char *const *)launch->command,
        .environment = (const char *const *)launch->environment,
        .code_dir = revision->prepared.code_dir,
        .memory_bytes = revision->settings->memory_bytes,
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
        .pool = revision->pool,
        .settings = settings,
        .concurrency = revision->scale.concurrency,
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

/* Gives the function to a prewarmed instance, ready or nearly so; false when there is none. */
static bool start_prewarmed(struct revision *revision)
{
    struct fleet_env *env = revision->env;
    if (!revision->prewarm || prewarm_available(revision->prewarm) == 0)
        return false;
    void *package;
    size_t size;
    struct error err;
    if (package_store_tar(env->packages, revision->prepared.package_digest, &package, &size, &err) < 0) {
        log_warning("revision.package-unreadable", LOG_STR("function", revision->settings->name),
                    LOG_ERR(&err));
        return false;
    }
    struct instance_load load;
    json_t *settings = fill_load(revision, &load);
    load.package = package;
    load.package_size = size;
    struct instance *instance = prewarm_take(revision->prewarm);
    remember(revision, instance);
    instance_load(instance, &load, &instance_hooks, revision);
    json_decref(settings);
    free(package);
    return true;
}

/* Starts a container of its own. */
static void start_fresh(struct revision *revision)
{
    struct instance_spec spec;
    struct instance_load load;
    fill_spec(revision, &spec);
    json_t *settings = fill_load(revision, &load);
    remember(revision, instance_start(revision->env, &spec, &load, &instance_hooks,
                                      &revision->shared->account, revision));
    json_decref(settings);
}

static void start_one(struct revision *revision)
{
    if (!start_prewarmed(revision))
        start_fresh(revision);
    if (revision->prepared.dependency_key)
        dependency_store_touch(revision->env->dependencies, revision->prepared.dependency_key);
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
             LOG_STR("reason", scale_reason_name(decision->reason)),
             LOG_INT("waiting", inputs->counts.waiting), LOG_INT("idle", inputs->counts.idle),
             LOG_INT("busy", inputs->counts.busy), LOG_INT("starting", inputs->starting_instances),
             LOG_INT("instances", inputs->counts.instances), LOG_INT("room", inputs->host_room),
             LOG_INT("service_us", inputs->counts.service_us),
             LOG_INT("expected_start_ms", inputs->expected_start_ms));
}

/* How many instances the host has room for, prewarmed ones that would become some of them included. What
 * waits to be tried comes first. */
static unsigned room(const struct revision *revision)
{
    const struct fleet_env *env = revision->env;
    unsigned prewarmed = revision->prewarm ? prewarm_available(revision->prewarm) : 0;
    unsigned found = fleet_budget_room_with(&env->budget, revision->settings->memory_bytes, prewarmed,
                                            prewarmed ? prewarm_memory_bytes(revision->prewarm) : 0);
    unsigned reserved = revision->state == REVISION_STANDBY ? 0 : env->trials_waiting;
    return found > reserved ? found - reserved : 0;
}

static void gather_inputs(const struct revision *revision, struct scale_inputs *ret_inputs)
{
    const struct fleet_env *env = revision->env;
    unsigned ready = revision->prewarm ? prewarm_ready(revision->prewarm) : 0;
    *ret_inputs = (struct scale_inputs){
        .starting_instances = starting_count(revision),
        .host_room = room(revision),
        .expected_start_ms = ready ? 0 : env->expected_start_ms,
        .engine_away = fleet_engine_is_away(env),
        .prewarmed = ready,
        .now_ms = clock_ms(),
        .retry_at_ms = revision->retry_at_ms,
    };
    slot_pool_counts(revision->pool, &ret_inputs->counts);
}

/* Others may have to make room for what was denied. */
static void note_denied(struct revision *revision, unsigned denied)
{
    revision->denied = denied;
    if (denied == 0)
        return;
    revision->env->short_of_room = true;
    event_active(revision->env->room_wanted, EV_TIMEOUT, 0);
}

/* Looks again when what a decision waits for should be over. */
static void arm_retry(struct revision *revision, const struct scale_inputs *inputs, enum scale_reason reason)
{
    if (reason == SCALE_SHORT_WAIT)
        fleet_timer_at(revision->retry, inputs->now_ms + inputs->expected_start_ms, inputs->now_ms);
    else if (reason == SCALE_BACKING_OFF)
        fleet_timer_at(revision->retry, inputs->retry_at_ms, inputs->now_ms);
}

/* What a request that waits in vain is told: what keeps Docker from starting anything, or instances from
 * coming up. */
static void tell_trouble(struct revision *revision)
{
    const struct error *trouble = NULL;
    struct error problem;
    if (fleet_engine_is_away(revision->env)) {
        trouble = &revision->env->engine_trouble;
    } else if (revision->failures > 0 && revision->problem) {
        error_recall(revision->problem, &problem);
        trouble = &problem;
    }
    slot_pool_set_trouble(revision->pool, trouble);
}

static void start_trial(struct revision *revision);

void revision_scale(struct revision *revision)
{
    if (revision->state == REVISION_STANDBY && revision->trial_waits)
        start_trial(revision);
    if (revision->state != REVISION_ACTIVE)
        return;
    struct scale_inputs inputs;
    gather_inputs(revision, &inputs);
    struct scale_decision decision = autoscaler_decide(&revision->scale, &inputs);
    slot_pool_set_limit(revision->pool, scale_reason_limit(decision.reason));
    tell_trouble(revision);
    log_decision(revision, &inputs, &decision);
    for (unsigned i = 0; i < decision.start; i++)
        start_one(revision);
    if (decision.start > 0)
        tell_starting(revision);
    note_denied(revision, decision.denied);
    arm_retry(revision, &inputs, decision.reason);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    revision_scale(context);
}

/* --- the pool --- */

static void on_demand(void *owner)
{
    revision_scale(owner);
    fail_hopeless_waiters(owner);
}

static void on_drained(void *owner, uint64_t id)
{
    struct instance *instance = revision_find_instance(owner, id);
    if (instance)
        instance_drained(instance);
}

/* --- preparation --- */

static void on_prepared(void *owner, const struct error *err, struct prepared *prepared,
                        struct diagnostics *diagnostics)
{
    struct revision *revision = owner;
    revision->preparation = NULL;
    if (err) {
        error_replace(&revision->problem, err);
        change_state(revision, REVISION_BROKEN);
        revision->hooks.broken(revision, err, diagnostics, revision->owner); /* may move its waiters */
        slot_pool_close(revision->pool, err);
        return;
    }
    revision->prepared = *prepared;
    if (revision->settings->concurrency == 0)
        revision->scale.concurrency = prepared->launch->concurrency;
    if (prepared->package_bytes <= PACKAGE_TAR_MAX / 2 && revision->env->host->prewarm > 0) {
        struct instance_spec spec;
        fill_spec(revision, &spec);
        revision->prewarm = prewarm_join(revision->env->prewarm, &spec);
    }
    change_state(revision, REVISION_STANDBY);
    revision->hooks.prepared(revision, revision->owner);
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct revision *revision = context;
    if (revision->state == REVISION_RETIRED && revision->count == 0)
        revision->hooks.empty(revision, revision->owner);
}

struct revision *revision_create(struct fleet_env *env, struct generation *generation,
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
    revision->scale = (struct scale_settings){
        .concurrency = settings->concurrency ? settings->concurrency : 1,
        .min_scale = settings->min_scale,
        .max_scale = settings->max_scale,
        .idle_timeout_ms = settings->idle_timeout_ms,
    };
    revision->retry = evtimer_new(env->base, on_retry, revision);
    revision->expiry = evtimer_new(env->base, on_expiry, revision);
    revision->dialling = evtimer_new(env->base, on_dialled_out, revision);
    revision->ending = evtimer_new(env->base, on_ending, revision);
    static const struct pool_watch_hooks pool_hooks = {.demand = on_demand, .drained = on_drained};
    struct slot_pool_limits limits = {.queue_length = env->host->queue_length};
    revision->watch = pool_watch_create(env, &limits, &pool_hooks, revision, &revision->pool);
    revision->preparation = preparation_start(env, settings, on_prepared, revision);
    return revision;
}

void revision_destroy(struct revision *revision)
{
    if (!revision)
        return;
    preparation_cancel(revision->preparation);
    if (revision->prewarm)
        prewarm_leave(revision->prewarm);
    pool_watch_end(revision->watch);
    slot_pool_unref(revision->pool);
    event_free(revision->retry);
    event_free(revision->expiry);
    event_free(revision->dialling);
    event_free(revision->ending);
    prepared_clear(&revision->prepared);
    generation_unref(revision->generation);
    free(revision->instances);
    free(revision->problem);
    free(revision->last_failure.cause);
    free(revision);
}

static void set_trial_waits(struct revision *revision, bool waits)
{
    if (waits != revision->trial_waits)
        revision->env->trials_waiting += waits ? 1 : -1;
    revision->trial_waits = waits;
}

/* Starts the instance on trial once there is room for it. */
static void start_trial(struct revision *revision)
{
    bool has_room = room(revision) > 0;
    set_trial_waits(revision, !has_room);
    note_denied(revision, has_room ? 0 : 1);
    if (!has_room)
        return;
    start_one(revision);
    tell_starting(revision);
}

void revision_try(struct revision *revision)
{
    const struct fleet_budget *budget = &revision->env->budget;
    if (revision->settings->memory_bytes > budget->max_memory_bytes) {
        struct error err;
        error_set(&err, "fleet", "host-full", "its `memory` is more than all instances together may take");
        error_hint(&err, "lower `memory`, or raise `max_memory` in the section `host`");
        revision->hooks.load_failed(revision, &err, revision->owner);
        return;
    }
    revision->trial_since_ms = clock_ms();
    start_trial(revision);
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
    bool drains = count_in(revision, INSTANCE_DRAINING) > 0;
    for (size_t i = 0; i < revision->count && drain && !drains; i++) {
        if (instance_current_state(revision->instances[i]) != INSTANCE_READY)
            continue;
        instance_retire(revision->instances[i], "its successor wants room", revision->env->drain_ms);
        return true;
    }
    return false;
}

void revision_activate(struct revision *revision)
{
    set_trial_waits(revision, false);
    change_state(revision, REVISION_ACTIVE);
    revision_scale(revision);
}

void revision_retire(struct revision *revision, const char *why)
{
    set_trial_waits(revision, false);
    change_state(revision, REVISION_RETIRED);
    preparation_cancel(revision->preparation);
    revision->preparation = NULL;
    event_del(revision->retry);
    event_del(revision->expiry);
    event_del(revision->dialling);
    for (size_t i = 0; i < revision->count; i++)
        instance_retire(revision->instances[i], why, revision->env->drain_ms);
    end_if_empty(revision);
}

void revision_renew(struct revision *revision, struct generation *generation,
                    const struct function_settings *settings)
{
    generation_ref(generation);
    generation_unref(revision->generation);
    revision->generation = generation;
    revision->settings = settings;
    revision->failures = 0;
    revision->retry_at_ms = 0;
    revision_scale(revision);
}

void revision_resume(struct revision *revision)
{
    if (revision->problem && strcmp(revision->problem->component, "docker") == 0) {
        revision->failures = 0;
        revision->deaths = 0;
        revision->retry_at_ms = 0;
    }
    expire(revision);
    revision_scale(revision);
}

/* --- room on the host --- */

unsigned revision_denied(const struct revision *revision)
{
    if (revision->trial_waits)
        return 1;
    if (revision->state != REVISION_ACTIVE || revision->denied == 0)
        return 0;
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    bool below_minimum = counts.instances + starting_count(revision) < revision->scale.min_scale;
    return counts.waiting > 0 || below_minimum ? revision->denied : 0;
}

struct instance *revision_spare(const struct revision *revision, uint64_t *ret_idle_since_ms)
{
    struct instance *best = NULL;
    if (count_in(revision, INSTANCE_READY) <= revision->scale.min_scale)
        return NULL;
    for (size_t i = 0; i < revision->count; i++) {
        unsigned slots, busy;
        uint64_t idle_since_ms;
        instance_usage(revision->instances[i], &slots, &busy, &idle_since_ms);
        if (idle_since_ms == 0 || (best && idle_since_ms >= *ret_idle_since_ms))
            continue;
        best = revision->instances[i];
        *ret_idle_since_ms = idle_since_ms;
    }
    return best;
}

/* --- questions --- */

enum revision_state revision_current_state(const struct revision *revision)
{
    return revision->state;
}

const struct function_settings *revision_settings(const struct revision *revision)
{
    return revision->settings;
}

const struct prepared *revision_prepared(const struct revision *revision)
{
    return &revision->prepared;
}

struct slot_pool *revision_pool(const struct revision *revision)
{
    return revision->pool;
}

size_t revision_instance_count(const struct revision *revision)
{
    return revision->count;
}

const struct kept_error *revision_problem(const struct revision *revision)
{
    return revision->problem;
}

const struct failure *revision_last_failure(const struct revision *revision)
{
    return &revision->last_failure;
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
