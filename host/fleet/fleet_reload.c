#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "prepare/image/runtime_image.h"
#include "prepare/plugins.h"
#include "prepare/store/secret_store.h"

#include <stdlib.h>
#include <string.h>

/* --- runtime images --- */

/* A plugin's image folder is among the inputs of its functions. What the image stands on is not: an image
 * that has become another one by that is seen here, and what runs on the former one is deployed anew. */
struct image_look {
    struct fleet *fleet;
    LIST_ENTRY(image_look) link;
    char *runtime, *base;
};

static const char *base_of(const struct function_settings *settings)
{
    return settings->base ? settings->base : BASE_SUITE;
}

/* Whether it serves on the image of this runtime and base; a function that is being deployed looks at it by
 * itself, and a revision that is restored keeps the image that it had. */
static bool runs_on(const struct function *function, const char *runtime, const char *base)
{
    const struct revision *current = function_current(function);
    const struct prepared *prepared = current ? revision_prepared(current) : NULL;
    if (!prepared || !prepared_is_on_base(prepared) || !function_is_settled(function) ||
        revision_is_restored(current))
        return false;
    const struct function_settings *settings = revision_settings(current);
    return strcmp(settings->language, runtime) == 0 && strcmp(base_of(settings), base) == 0;
}

static bool runs_on_another(const struct function *function, const struct image_look *look, const char *image)
{
    if (!runs_on(function, look->runtime, look->base))
        return false;
    const char *own = revision_prepared(function_current(function))->runtime_image;
    return own && strcmp(own, image) != 0;
}

static bool is_looked_at(const struct fleet *fleet, const struct image_look *before, const char *runtime,
                         const char *base)
{
    for (const struct image_look *look = LIST_FIRST(&fleet->image_looks); look != before;
         look = LIST_NEXT(look, link)) {
        if (strcmp(look->runtime, runtime) == 0 && strcmp(look->base, base) == 0)
            return true;
    }
    return false;
}

static void forget_look(struct image_look *look)
{
    LIST_REMOVE(look, link);
    free(look->runtime);
    free(look->base);
    free(look);
}

static void on_image(void *context, const struct error *err, const struct image_facts *image,
                     const struct image_failure *failure)
{
    (void)failure;
    struct image_look *look = context;
    struct fleet *fleet = look->fleet;
    for (size_t i = 0; i < fleet->count && !err && !fleet->stopping; i++) {
        if (runs_on_another(fleet->functions[i], look, image->name))
            function_redeploy(fleet->functions[i]);
    }
    forget_look(look);
}

static void look_at_image(struct fleet *fleet, const char *runtime, const char *base, const char *folder)
{
    static const struct runtime_image_callbacks callbacks = {.done = on_image};
    struct image_look *look = xcalloc(1, sizeof(*look));
    *look = (struct image_look){.fleet = fleet, .runtime = xstrdup(runtime), .base = xstrdup(base)};
    LIST_INSERT_HEAD(&fleet->image_looks, look, link);
    const struct runtime_image_wish wish = {.name = runtime, .base = base, .folder = folder};
    runtime_images_ensure(fleet->env.images, &wish, &callbacks, look);
}

/* At each that a function runs on, once. */
static void look_at_images(struct fleet *fleet)
{
    const struct image_look *before = LIST_FIRST(&fleet->image_looks);
    for (size_t i = 0; i < fleet->count; i++) {
        const struct revision *current = function_current(fleet->functions[i]);
        const struct function_settings *settings = current ? revision_settings(current) : NULL;
        const struct plugin *plugin = settings ? plugins_find(fleet->env.plugins, settings->language) : NULL;
        if (!plugin || !plugin->image_dir)
            continue;
        const char *runtime = plugin->language.name, *base = base_of(settings);
        if (runs_on(fleet->functions[i], runtime, base) && !is_looked_at(fleet, before, runtime, base))
            look_at_image(fleet, runtime, base, plugin->image_dir);
    }
}

static void first_applied(struct fleet *fleet)
{
    fleet->applied = true;
    fleet->waiting_for = "the first build of every function";
    fleet_on_routes(-1, 0, fleet);
    fleet->hooks.routed(fleet->hooks.context);
    event_active(fleet->adoption, EV_TIMEOUT, 0);
}

/* --- reloads --- */

static void begin_reload(struct fleet *fleet);

static void end_reload(struct fleet *fleet)
{
    fleet->reloading = false;
    if (!fleet->applied)
        first_applied(fleet);
    if (fleet->wanted != SOURCE_NOTHING) {
        begin_reload(fleet);
        return;
    }
    if (fleet->hooks.applied)
        fleet->hooks.applied(fleet->hooks.context);
    fleet_check_rest(fleet); /* the last function that was being built may have been removed */
}

static void on_looked(void *owner, struct generation *generation, const struct source_inputs *inputs)
{
    struct fleet *fleet = owner;
    fleet->look = NULL;
    if (fleet->stopping)
        return;
    if (fleet->applied)
        look_at_images(fleet);
    fleet_apply(fleet, generation, inputs);
    end_reload(fleet);
}

/* Reads the registry's file. NULL: it is of no use, and what it said before holds. */
static struct registry *read_registry(struct fleet *fleet)
{
    size_t language_count;
    const struct language *languages = plugins_languages(fleet->env.plugins, &language_count);
    struct registry *registry;
    struct error err;
    if (registry_load(fleet->config_path, languages, language_count, fleet->former_host, &registry, &err) <
        0) {
        fleet_note_unreadable(fleet, &err);
        return NULL;
    }
    if (fleet_judge(fleet, registry))
        return registry;
    registry_destroy(registry);
    return NULL;
}

/* Reads the registry and what was deployed, and looks at what they name, which goes on in the background. -1:
 * there is nothing to apply. */
static int read_sources(struct fleet *fleet)
{
    struct registry *registry = read_registry(fleet);
    bool is_partial = !registry;
    if (is_partial)
        registry = registry_empty(fleet->config_path, fleet->former_host);
    fleet_add_deployed(fleet, registry);
    registry_resolve_secrets(registry, secret_store_known(fleet->env.secrets));
    registry_resolve_functions(registry);
    if (is_partial && registry->function_count == 0 && !fleet_has_deployed(fleet)) {
        registry_destroy(registry);
        return -1;
    }
    struct generation *generation = generation_create(registry);
    generation->is_partial = is_partial;
    if (fleet->watch && !is_partial)
        source_watch_set(fleet->watch, registry, fleet->env.plugins);
    fleet->look = source_look_start(fleet->env.base, fleet->background, fleet->env.plugins, generation, NULL,
                                    on_looked, fleet);
    generation_unref(generation);
    return 0;
}

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    struct fleet *fleet = context;
    if (fleet->stopping || read_sources(fleet) == 0)
        return;
    if (!fleet->applied)
        fleet_restore_lost(fleet);
    end_reload(fleet);
}

static void scan_plugins(struct fleet *fleet)
{
    struct error err;
    if (plugins_scan(fleet->env.plugins, on_scanned, fleet, &err) < 0) {
        log_warning("plugins.unreadable", LOG_ERR(&err));
        on_scanned(fleet, false);
    }
}

static void on_files_looked(void *owner, struct generation *generation, const struct source_inputs *inputs)
{
    (void)generation;
    struct fleet *fleet = owner;
    fleet->look = NULL;
    if (fleet->stopping)
        return;
    fleet_apply_files(fleet, &fleet->looked_at, inputs);
    folder_list_clear(&fleet->looked_at);
    end_reload(fleet);
}

/* Whether the registry could say anything else of the functions in these folders than it did: of those whose
 * entry is not there, or was not. */
static bool must_read_source(const struct fleet *fleet, const struct folder_list *folders)
{
    const struct registry *registry = fleet->generation ? fleet->generation->registry : NULL;
    for (size_t i = 0; registry && i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        if (!settings->folder || !folder_list_holds(folders, settings->folder))
            continue;
        cleanup_free char *entry = xasprintf("%s/%s", settings->folder, settings->file ? settings->file : "");
        if (settings->broken || !fs_exists(entry))
            return true;
    }
    return !registry;
}

/* Looks at the functions in `touched`, as the registry had them last. */
static void look_at_files(struct fleet *fleet)
{
    fleet->looked_at = fleet->touched;
    fleet->touched = (struct folder_list){0};
    fleet->look = source_look_start(fleet->env.base, fleet->background, fleet->env.plugins, fleet->generation,
                                    &fleet->looked_at, on_files_looked, fleet);
}

static void begin_reload(struct fleet *fleet)
{
    enum source_extent extent = fleet->wanted;
    fleet->wanted = SOURCE_NOTHING;
    fleet->reloading = true;
    if (extent == SOURCE_FOLDERS && must_read_source(fleet, &fleet->touched))
        extent = SOURCE_REGISTRY;
    if (extent == SOURCE_FOLDERS) {
        look_at_files(fleet);
        return;
    }
    folder_list_clear(&fleet->touched); /* all are looked at */
    if (extent == SOURCE_PLUGINS)
        scan_plugins(fleet);
    else
        on_scanned(fleet, false);
}

/* However often it is asked for while one is under way, one more follows. */
static void want_reload(struct fleet *fleet, enum source_extent extent)
{
    if (extent > fleet->wanted)
        fleet->wanted = extent;
    if (!fleet->reloading)
        begin_reload(fleet);
}

/* Somebody may have put back what is below the state directory, or the key file. */
static void read_secrets(struct fleet *fleet)
{
    struct error err;
    if (secret_store_reload(fleet->env.secrets, &err) < 0)
        log_warning("secrets.unreadable", LOG_ERR(&err));
}

void fleet_read_all(struct fleet *fleet)
{
    read_secrets(fleet);
    fleet->retries = 0;
    want_reload(fleet, SOURCE_PLUGINS);
}

/* The start reads everything, once the engine has told what there is: before, nothing may be started. */
static bool has_begun(const struct fleet *fleet)
{
    return !fleet->stopping && (fleet->applied || fleet->reloading);
}

void fleet_reload(struct fleet *fleet)
{
    if (has_begun(fleet))
        fleet_read_all(fleet);
}

void fleet_read_deployed(struct fleet *fleet)
{
    if (has_begun(fleet))
        want_reload(fleet, SOURCE_REGISTRY);
}

bool fleet_is_reading(const struct fleet *fleet)
{
    return !fleet->applied || fleet->reloading;
}

void fleet_secrets_changed(struct fleet *fleet)
{
    if (has_begun(fleet))
        want_reload(fleet, SOURCE_REGISTRY);
}

void fleet_on_source(void *owner, enum source_extent extent, const struct folder_list *folders,
                     const char *first)
{
    struct fleet *fleet = owner;
    if (!has_begun(fleet))
        return;
    log_info("source.changed", LOG_STR("path", first));
    for (size_t i = 0; i < folders->count; i++) {
        if (!folder_list_holds(&fleet->touched, folders->items[i]))
            folder_list_add(&fleet->touched, folders->items[i]);
    }
    want_reload(fleet, extent);
}

void fleet_end_reloads(struct fleet *fleet)
{
    source_watch_destroy(fleet->watch);
    source_look_cancel(fleet->look);
    folder_list_clear(&fleet->touched);
    folder_list_clear(&fleet->looked_at);
    for (struct image_look *look = LIST_FIRST(&fleet->image_looks), *next; look; look = next) {
        next = LIST_NEXT(look, link);
        forget_look(look);
    }
}
