#include "fleet/revision/revision_inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/init_text.h"
#include "fleet/revision/engine_runtime.h"
#include "fleet/revision/init_settings.h"
#include "fleet/revision/server_environment.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>

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

/* Nobody knows whether it is intact: it is looked at again after a pause. */
static void put_off(struct revision *revision, const struct error *err)
{
    const uint64_t now_ms = clock_ms();
    log_warning("revision.package-unseen", LOG_STR("function", revision->settings->name), LOG_ERR(err));
    error_replace(&revision->problem, err);
    revision->retry_at_ms = now_ms + autoscaler_backoff_ms(++revision->failures);
    timer_at(revision->retry, revision->retry_at_ms, now_ms);
}

bool revision_package_is_intact(struct revision *revision)
{
    struct error err;
    if (revision->package_changed)
        return false;
    if (package_store_verify(revision->env->packages, revision->prepared.package_digest, &err) == 0)
        return true;
    if (err.code == ERROR_OUT_OF_RESOURCES && revision->state == REVISION_ACTIVE) {
        put_off(revision, &err);
        return false;
    }
    log_warning("revision.package_changed", LOG_STR("function", revision->settings->name), LOG_ERR(&err));
    if (revision->state == REVISION_STANDBY) {
        revision->hooks.load_failed(revision, &err, revision->owner);
        return false;
    }
    revision->package_changed = true;
    revision->hooks.stale(revision, revision->owner);
    return false;
}

static void fill_mounts(struct revision *revision)
{
    const struct function_settings *settings = revision->settings;
    free(revision->mounts);
    revision->mounts = xcalloc(settings->volume_count, sizeof(*revision->mounts));
    for (size_t i = 0; i < settings->volume_count; i++) {
        const struct function_volume *volume = &settings->volumes[i];
        revision->mounts[i] = (struct container_mount){.volume = volume->name,
                                                       .source = volume->path,
                                                       .target = volume->target,
                                                       .read_only = volume->read_only};
    }
}

static bool reaches_nothing(const struct revision *revision)
{
    const struct egress *egress = &revision->settings->egress;
    return egress->is_limited && egress->count == 0 && !revision->egress;
}

void revision_fill_spec(struct revision *revision, struct container_spec *spec)
{
    fill_mounts(revision);
    const struct build_launch *launch = revision->prepared.launch;
    *spec = (struct container_spec){
        .runtime = revision->settings->language,
        .image = revision->prepared.image,
        .command = (const char *const *)launch->command,
        .environment = (const char *const *)launch->environment,
        .code_dir = revision->prepared.code_dir,
        .dependencies = revision->prepared.dependency_name,
        .memory_bytes = revision->settings->memory_bytes,
        .tmp_bytes = revision->settings->tmp_bytes,
        .shm_bytes = revision->settings->shm_bytes,
        .cpus = revision->settings->cpus,
        .pids = revision->settings->pids,
        .user = revision->settings->user,
        .labels = revision->applied->labels,
        .label_count = revision->applied->label_count,
        .mounts = revision->mounts,
        .mount_count = revision->settings->volume_count,
        .read_only_root = revision->settings->read_only,
        .network = reaches_nothing(revision) ? NETWORK_NONE : revision->settings->network,
        .egress = revision->egress,
        .seccomp = revision->settings->seccomp,
        .engine_runtime = engine_runtime_of(revision->env, revision->settings),
        .port = launch->transport == BUILD_TCP ? launch->port : 0,
        .ready_path = launch->ready_path,
    };
}

void revision_fill_own_spec(struct revision *revision, struct container_spec *spec, char ***ret_environment)
{
    revision_fill_spec(revision, spec);
    *ret_environment =
        spec->port > 0 ? server_environment_make(revision->settings, &revision->prepared) : NULL;
    if (*ret_environment)
        spec->environment = (const char *const *)*ret_environment;
}

/* The caller gives back the settings that are returned. */
static json_t *fill_load(const struct revision *revision, struct instance_load *load)
{
    json_t *settings = init_settings_make(revision->settings, &revision->prepared,
                                          revision->scale.concurrency, revision->applied->timeout_ms);
    if (revision->prewarm && !revision->modules_known)
        json_object_set_new(settings, INIT_REPORT_MODULES, json_true());
    *load = (struct instance_load){
        .function = revision->settings->name,
        .output = revision->shared->output,
        .revision = revision->prepared.digest,
        .pool = revision->pool,
        .settings = settings,
        .secrets = revision->settings->secrets,
        .secret_count = revision->settings->secret_count,
        .concurrency = revision->scale.concurrency,
        .timeout_ms = revision->applied->timeout_ms,
        .start_timeout_ms = revision->applied->start_timeout_ms,
        .memory_bytes = revision->settings->memory_bytes,
        .cpus = revision->settings->cpus,
        .pids = revision->settings->pids,
    };
    return settings;
}

static void remember(struct revision *revision, struct instance *instance)
{
    revision->instances = xgrow(revision->instances, revision->count, sizeof(struct instance *));
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

/* Puts its secrets in place. What one of its own, which is started then, will say is why that cannot be. */
static bool give_secrets(const struct revision *revision, struct instance *instance)
{
    struct error err;
    const struct function_settings *settings = revision->settings;
    if (instance_fill_secrets(instance, settings->secrets, settings->secret_count, &err) == 0)
        return true;
    instance_retire(instance, "its secrets could not be put in place", 0);
    return false;
}

bool revision_start_prewarmed(struct revision *revision)
{
    struct instance *instance;
    struct prewarm_pool *pool = revision_pool_to_take(revision, &instance);
    if (!instance)
        return false;
    instance_reserve(instance);
    if (!give_code(revision, instance) || !give_secrets(revision, instance))
        return false;
    struct instance_load load;
    json_t *settings = fill_load(revision, &load);
    bool has_libraries = pool == revision->libraries;
    prewarm_take(pool, instance);
    remember(revision, instance);
    instance_load(instance, &load, has_libraries ? revision->library_hooks : revision->instance_hooks,
                  revision);
    json_decref(settings);
    return true;
}

/* Starts a container of its own. */
static void start_fresh(struct revision *revision)
{
    struct container_spec spec;
    struct instance_load load;
    char **environment;
    revision_fill_own_spec(revision, &spec, &environment);
    json_t *settings = fill_load(revision, &load);
    remember(revision, instance_start(revision->env, &spec, &load, revision->instance_hooks,
                                      &revision->shared->account, revision));
    json_decref(settings);
    texts_free(environment);
}

/* Looking at a package takes a while when it has thousands of files, so it is done once a start: of a
 * container of its own, when its turn has come. A trial's turn is not asked about. */
static bool may_start(struct revision *revision)
{
    if (revision_has_prewarmed(revision) || revision->state == REVISION_STANDBY)
        return revision_package_is_intact(revision);
    return !revision->package_changed;
}

bool revision_start_one(struct revision *revision)
{
    if (!may_start(revision))
        return false;
    if (!revision_start_prewarmed(revision))
        start_fresh(revision);
    if (revision->prepared.dependency_key)
        dependency_store_touch(revision->env->dependencies, revision->prepared.dependency_key);
    return true;
}

/* Goes on with one. */
static void adopt(struct revision *revision, struct instance_past *past)
{
    struct container_spec spec;
    struct instance_load load;
    revision_fill_spec(revision, &spec);
    if (past->record.was_prewarmed)
        spec.code_dir = NULL;
    json_t *settings = fill_load(revision, &load);
    remember(revision, instance_adopt(revision->env, past, &spec, &load, revision->instance_hooks, revision));
    json_decref(settings);
}

void revision_adopt(struct revision *revision)
{
    struct instance_past *past;
    while (revision->count < revision->scale.max_scale &&
           (past = adoption_claim(revision->env->adoption, revision->settings->name,
                                  revision->prepared.digest, revision->scale.concurrency)))
        adopt(revision, past);
    revision->is_proven = revision->is_proven || revision_count_in(revision, INSTANCE_READY) > 0;
}

void revision_each_instance(struct revision *revision,
                            void (*visit)(struct instance *instance, void *context), void *context)
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
