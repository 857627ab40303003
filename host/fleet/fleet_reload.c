#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "prepare/image/runtime_image.h"
#include "prepare/plugins.h"
#include "prepare/process/build_job.h"

#include <stdlib.h>
#include <string.h>

static void remove_unregistered(struct fleet *fleet, const struct generation *generation)
{
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        if (!function_is_removed(function) && !function_is_of(function, generation))
            fleet_function_remove(fleet, function, "no longer registered");
    }
}

static void take_findings(struct fleet *fleet, const struct registry *registry)
{
    diagnostics_clear(&fleet->findings);
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->function)
            continue;
        diagnostics_add(&fleet->findings, item);
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, 4096);
        diagnostic_render_line(item, &line);
        log_warning("config.diagnostic", LOG_STR("text", strbuf_text(&line)), LOG_STR("hint", item->hint));
    }
}

static void log_restarts(const struct fleet *fleet, const struct registry *registry)
{
    struct diagnostics found = {0};
    if (fleet->started)
        registry_find_restarts(fleet->started, registry, &found);
    for (size_t i = 0; i < found.count; i++) {
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, 4096);
        diagnostic_render_line(&found.items[i], &line);
        log_warning("config.restart-needed", LOG_STR("text", strbuf_text(&line)),
                    LOG_STR("hint", found.items[i].hint));
    }
    diagnostics_clear(&found);
}

static void apply_host(struct fleet *fleet, const struct registry *registry)
{
    host_settings_apply(&fleet->host, &registry->host);
    build_jobs_set_timeout(fleet->env.jobs, fleet->host.build_timeout_ms);
    log_restarts(fleet, registry);
}

/* The first mistake that belongs to no function, or NULL. */
static const struct diagnostic *first_mistake(const struct registry *registry)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity == SEVERITY_ERROR && !item->function)
            return item;
    }
    return NULL;
}

/* A mistake that belongs to no function means that functions may be missing from what was read. */
static bool is_whole(const struct registry *registry)
{
    return !first_mistake(registry);
}

/* A file without one function that can be read, and with mistakes, is no registry. */
static bool is_usable(const struct registry *registry)
{
    return is_whole(registry) || registry->function_count > 0;
}

/* Nothing can serve until the file is mended: that is more than a word in the log. */
static void note_unusable(struct fleet *fleet, const struct registry *registry)
{
    struct error err;
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, 4096);
    diagnostic_render_line(first_mistake(registry), &line);
    error_set(&err, ERROR_CONFIG_UNUSABLE, "the registry cannot be used: %s", strbuf_text(&line));
    error_hint(&err, "mend the file and send SIGHUP; berthd --check shows all of it");
    log_error("config.unusable", LOG_STR("file", fleet->config_path), LOG_ERR(&err));
    error_replace(&fleet->unusable, &err);
}

/* Whether the registry that was read is to be used; else what there is stays. */
static bool judge(struct fleet *fleet, const struct registry *registry)
{
    take_findings(fleet, registry);
    bool usable = is_usable(registry);
    if (!usable && (!fleet->applied || fleet->unusable))
        note_unusable(fleet, registry);
    if (usable || !fleet->applied)
        return true;
    log_warning("config.kept", LOG_STR("file", fleet->config_path),
                LOG_STR("why", "it cannot be read as a registry; the functions stay as they were"));
    return false;
}

static void apply(struct fleet *fleet, struct generation *generation, const char (*inputs)[HASH_HEX_SIZE])
{
    struct registry *registry = generation->registry;
    size_t deployed = 0;
    generation_ref(generation);
    generation_unref(fleet->generation);
    fleet->generation = generation;
    if (is_usable(registry))
        error_replace(&fleet->unusable, NULL);
    if (is_whole(registry))
        apply_host(fleet, registry);
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        struct function *function = fleet_function_find(fleet, settings->name);
        if (!function)
            function = fleet_function_add(fleet, settings->name);
        deployed += function_deploy(function, generation, settings, inputs[i]);
    }
    if (is_whole(registry))
        remove_unregistered(fleet, generation);
    if (fleet->applied)
        fleet_on_routes(-1, 0, fleet); /* limits hold from here on */
    log_info("config.applied", LOG_STR("file", fleet->config_path),
             LOG_INT("functions", registry->function_count), LOG_INT("deployed", deployed),
             LOG_INT("errors", diagnostics_errors(&registry->diagnostics, NULL)));
}

/* --- runtime images --- */

/* A plugin's image folder is among the inputs of its functions. What the image stands on is not: an image
 * that has become another one by that is seen here, and what runs on the former one is deployed anew. */
struct image_look {
    struct fleet *fleet;
    LIST_ENTRY(image_look) link;
    char *runtime;
};

/* Whether it serves on the image of this runtime; a function that is being deployed looks at it by itself. */
static bool runs_on(const struct function *function, const char *runtime)
{
    const struct revision *current = function_current(function);
    const struct prepared *prepared = current ? revision_prepared(current) : NULL;
    if (!prepared || !prepared->launch || prepared->launch->image || !function_is_settled(function))
        return false;
    return strcmp(revision_settings(current)->language, runtime) == 0;
}

static bool runs_on_another(const struct function *function, const char *runtime, const char *image)
{
    return runs_on(function, runtime) &&
           strcmp(revision_prepared(function_current(function))->image, image) != 0;
}

static bool is_in_use(const struct fleet *fleet, const char *runtime)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (runs_on(fleet->functions[i], runtime))
            return true;
    }
    return false;
}

static void forget_look(struct image_look *look)
{
    LIST_REMOVE(look, link);
    free(look->runtime);
    free(look);
}

static void on_image(void *context, const struct error *err, const char *image, const char *id,
                     const char *output)
{
    (void)id, (void)output;
    struct image_look *look = context;
    struct fleet *fleet = look->fleet;
    for (size_t i = 0; i < fleet->count && !err && !fleet->stopping; i++) {
        if (runs_on_another(fleet->functions[i], look->runtime, image))
            function_redeploy(fleet->functions[i]);
    }
    forget_look(look);
}

static void look_at_images(struct fleet *fleet)
{
    size_t count;
    const struct plugin *plugins = plugins_list(fleet->env.plugins, &count);
    static const struct runtime_image_callbacks callbacks = {.done = on_image};
    for (size_t i = 0; i < count; i++) {
        if (!plugins[i].image_dir || !is_in_use(fleet, plugins[i].language.name))
            continue;
        struct image_look *look = xcalloc(1, sizeof(*look));
        *look = (struct image_look){.fleet = fleet, .runtime = xstrdup(plugins[i].language.name)};
        LIST_INSERT_HEAD(&fleet->image_looks, look, link);
        runtime_images_ensure(fleet->env.images, look->runtime, plugins[i].image_dir, &callbacks, look);
    }
}

void fleet_end_reloads(struct fleet *fleet)
{
    source_look_cancel(fleet->look);
    for (struct image_look *look = LIST_FIRST(&fleet->image_looks), *next; look; look = next) {
        next = LIST_NEXT(look, link);
        forget_look(look);
    }
}

static void first_applied(struct fleet *fleet)
{
    fleet->applied = true;
    fleet->waiting_for = "the first build of every function";
    fleet_on_routes(-1, 0, fleet);
    fleet->hooks.routed(fleet->hooks.context);
}

static void end_reload(struct fleet *fleet)
{
    fleet->scanning = false;
    if (!fleet->applied)
        first_applied(fleet);
    if (fleet->reload_again)
        fleet_reload(fleet);
    else
        fleet_check_rest(fleet); /* the last function that was being built may have been removed */
}

static void on_looked(void *owner, struct generation *generation, const char (*inputs)[HASH_HEX_SIZE])
{
    struct fleet *fleet = owner;
    fleet->look = NULL;
    if (fleet->stopping)
        return;
    if (fleet->applied)
        look_at_images(fleet);
    apply(fleet, generation, inputs);
    end_reload(fleet);
}

/* Reads the registry and looks at what it names, which goes on in the background. */
static int read_source(struct fleet *fleet)
{
    size_t language_count;
    const struct language *languages = plugins_languages(fleet->env.plugins, &language_count);
    struct registry *registry;
    struct error err;
    if (registry_load(fleet->config_path, languages, language_count, &registry, &err) < 0) {
        log_warning("config.unreadable", LOG_ERR(&err));
        diagnostics_clear(&fleet->findings);
        diagnostics_add(&fleet->findings, &(struct diagnostic){.severity = SEVERITY_ERROR,
                                                               .file = fleet->config_path,
                                                               .message = err.message,
                                                               .hint = err.hint[0] ? err.hint : NULL});
        return -1;
    }
    if (!judge(fleet, registry)) {
        registry_destroy(registry);
        return -1;
    }
    struct generation *generation = generation_create(registry);
    fleet->look = source_look_start(fleet->env.base, fleet->background, fleet->env.plugins, generation,
                                    on_looked, fleet);
    generation_unref(generation);
    return 0;
}

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    struct fleet *fleet = context;
    if (fleet->stopping)
        return;
    if (read_source(fleet) < 0)
        end_reload(fleet);
}

void fleet_reload(struct fleet *fleet)
{
    if (fleet->stopping)
        return;
    fleet->retries = 0;
    fleet->reload_again = fleet->scanning; /* however often it is asked for meanwhile */
    if (fleet->scanning)
        return;
    struct error err;
    fleet->scanning = true;
    if (plugins_scan(fleet->env.plugins, on_scanned, fleet, &err) < 0) {
        log_warning("plugins.unreadable", LOG_ERR(&err));
        on_scanned(fleet, false);
    }
}
