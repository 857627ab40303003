#include "fleet/revision/revision_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fleet/revision/init_settings.h"
#include "fleet/scale/prewarm.h"

#include <stdlib.h>

const struct module_profile *revision_modules(const struct revision *revision)
{
    return revision->modules;
}

/* A pool of instances with its libraries; they are of no use to what does not scale. */
static void join(struct revision *revision)
{
    struct container_spec spec;
    if (revision->state != REVISION_ACTIVE || !revision->prewarm || !revision->modules ||
        revision->libraries_failed)
        return;
    json_t *names = module_profile_names(revision->modules);
    if (json_array_size(names) > 0) {
        cleanup_free char *ahead = init_settings_prewarm(revision->settings, &revision->prepared, names);
        revision_fill_spec(revision, &spec);
        spec.ahead = ahead;
        revision->libraries = prewarm_join_libraries(
            revision->env->prewarm, &spec, revision->applied->start_timeout_ms, &revision->library_listener);
        revision_keep_warm(revision);
    }
    json_decref(names);
}

void revision_leave_libraries(struct revision *revision)
{
    if (!revision->libraries)
        return;
    revision_keep_no_longer_warm(revision);
    prewarm_leave_libraries(steal(&revision->libraries), &revision->library_listener);
}

/* It is told to who keeps it, too. */
static void change(struct revision *revision)
{
    revision->hooks.modules_known(revision, revision->owner);
}

/* --- what an instance with libraries has found out --- */

static void log_effects(const struct revision *revision, const json_t *report)
{
    const json_t *effects = json_object_get(report, "effects"), *effect;
    size_t i;
    json_array_foreach(effects, i, effect)
    {
        log_info("libraries.left", LOG_STR("function", revision->settings->name),
                 LOG_STR("module", json_string_value(json_object_get(effect, "module"))),
                 LOG_STR("effect", json_string_value(json_object_get(effect, "effect"))));
    }
}

static void give_up(struct revision *revision, const char *why)
{
    if (revision->libraries_failed)
        return;
    log_warning("libraries.given-up", LOG_STR("function", revision->settings->name), LOG_STR("error", why),
                LOG_STR("next", "its libraries are loaded with it"));
    revision->libraries_failed = xstrdup(why);
    revision_leave_libraries(revision);
}

/* What a process does beside loading, in which there is no function yet, is not to be found by one later: the
 * instance goes with the pool that nobody is in any more. */
static void take_effects(struct revision *revision, const json_t *report)
{
    log_effects(revision, report);
    if (!module_profile_leave(revision->modules, report)) {
        give_up(revision, "the runner tells of effects, but not of which module");
        return;
    }
    revision->modules->memory_bytes = 0;
    revision_leave_libraries(revision);
    change(revision);
    join(revision);
}

static void on_libraries_loaded(void *owner, const json_t *report, uint64_t memory_bytes)
{
    struct revision *revision = owner;
    if (module_report_has_effects(report)) {
        take_effects(revision, report);
        return;
    }
    bool is_other = module_profile_note_times(revision->modules, report);
    is_other |= module_profile_note_memory(revision->modules, memory_bytes);
    revision_look_at_warmth(revision);
    if (is_other)
        change(revision);
}

static void on_libraries_failed(void *owner, const struct error *cause)
{
    give_up(owner, cause->message);
}

/* --- what becomes of a load with them, and of one without --- */

void revision_doubt_libraries(struct revision *revision, const struct error *cause)
{
    if (revision->libraries_failed)
        return;
    cleanup_free char *why = xasprintf("the function does not load where they were: %s", cause->message);
    give_up(revision, why);
    revision->libraries_doubted = true;
}

void revision_clear_libraries(struct revision *revision)
{
    if (!revision->libraries_doubted)
        return;
    revision->libraries_doubted = false;
    free(steal(&revision->libraries_failed));
}

const char *revision_libraries_problem(const struct revision *revision)
{
    return revision->libraries_failed;
}

/* --- what is known --- */

/* Most functions import nothing, and there may be many of these. */
static void take(struct revision *revision, struct module_profile *profile)
{
    revision->modules_known = true;
    if (json_array_size(profile->modules) > 0)
        revision->modules = profile;
    else
        module_profile_free(profile);
    join(revision);
}

json_t *revision_modules_to_keep(const struct revision *revision)
{
    if (!revision->modules)
        return revision->modules_known ? json_null() : NULL;
    return module_profile_to_json(revision->modules);
}

void revision_take_modules(struct revision *revision, const json_t *kept)
{
    struct module_profile *profile = module_profile_from_json(kept);
    if (profile)
        take(revision, profile);
    else
        revision->modules_known = json_is_null(kept);
}

/* A runner that was asked and says nothing would say nothing the next time. */
static void note_silence(struct revision *revision)
{
    if (!revision->prewarm) /* then it was not asked */
        return;
    revision->modules_known = true;
    change(revision);
}

/* It loads: whatever kept it from that is over, and was not its libraries if they have been cleared of it. */
static void join_again(struct revision *revision)
{
    revision->libraries_doubted = false;
    if (!revision->libraries)
        join(revision);
}

void revision_learn_modules(struct revision *revision, struct instance *instance)
{
    if (revision->modules_known) {
        join_again(revision);
        return;
    }
    struct module_profile *profile = module_profile_of_report(instance_module_report(instance));
    if (!profile) {
        note_silence(revision);
        return;
    }
    log_info("libraries.known", LOG_STR("function", revision->settings->name),
             LOG_INT("modules", json_array_size(profile->modules)),
             LOG_INT("load_ms", (uint64_t)module_profile_saved_ms(profile)));
    revision->loaded_bytes = instance_look_at_resources(instance)->memory_bytes;
    take(revision, profile);
    change(revision);
}

void revision_open_modules(struct revision *revision)
{
    revision->library_listener = (struct prewarm_listener){
        .loaded = on_libraries_loaded, .failed = on_libraries_failed, .owner = revision};
}

/* A function without dependencies of its own has little to load ahead: that becomes known at its first
 * request. An instance that is ready has told nothing, or an earlier daemon: another would be started for
 * that alone, and this one kept. */
static bool is_to_learn(const struct revision *revision)
{
    return !revision->modules_known && revision->prewarm && revision->prepared.dependency_key &&
           revision->env->host->prewarm_memory_bytes > 0 && revision_count_in(revision, INSTANCE_READY) == 0;
}

void revision_join_libraries(struct revision *revision)
{
    if (!revision->libraries)
        join(revision);
    revision->learns = is_to_learn(revision);
    revision_set_minimum(revision);
}

void revision_close_modules(struct revision *revision)
{
    revision_leave_libraries(revision);
    free(revision->libraries_failed);
    module_profile_free(revision->modules);
}
