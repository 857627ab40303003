#include "fleet/source_watch.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file_watch.h"
#include "base/fs.h"
#include "prepare/plugins.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MS      30 /* more than the grain of a file system's clock */
#define UNFINISHED_MS 300
#define LONGEST_MS    1500
#define LOOK_MS       60000
#define BLIND_LOOK_MS 5000
#define WATCHES_MAX   50000 /* the user has others who watch */
#define LINKS_MAX     40 /* on the way to the registry */

struct source_watch {
    struct source_watch_options options;
    char *config_path, *plugin_dir, *own_plugin_dir;
    char *base; /* the registry's folder */
    struct file_watch *files;
    struct folder_list of_plugins; /* the folders beside their files */
};

/* Places as they are gathered; paths are owned. */
struct places {
    struct watch_place *items;
    size_t count;
};

static void add(struct places *places, enum watch_kind kind, char *path)
{
    places->items = xgrow(places->items, places->count, sizeof(*places->items));
    places->items[places->count++] = (struct watch_place){kind, path};
}

static void clear(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free((char *)places->items[i].path);
    free(places->items);
}

/* The folder that a path is in. The caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* --- which places there are --- */

/* The registry, and each link on the way to it. */
static void add_registry(struct places *places, const char *config_path)
{
    char *path = xstrdup(config_path);
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        char target[PATH_MAX];
        add(places, WATCH_FILE, path);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        if (length <= 0)
            return;
        target[length] = '\0';
        cleanup_free char *folder = folder_of(path);
        path = *target == '/' ? xstrdup(target) : xasprintf("%s/%s", folder, target);
    }
    free(path);
}

/* A function of this language may be in either. */
static void add_roots(struct places *places, const char *base, const struct language *language)
{
    add(places, WATCH_FOLDERS, xasprintf("%s/functions", base));
    if (language && language->name)
        add(places, WATCH_FOLDERS, xasprintf("%s/%s/functions", base, language->name));
}

static bool is_last(const struct places *places, enum watch_kind kind, const char *path)
{
    const struct watch_place *last = places->count ? &places->items[places->count - 1] : NULL;
    return last && last->kind == kind && strcmp(last->path, path) == 0;
}

/* A function's folder, the folder that it is in, and those above up to the registry's. */
static void add_folder(struct places *places, const char *real_base, const char *folder)
{
    add(places, WATCH_TREE, xstrdup(folder));
    bool below = real_base && fs_is_within(folder, real_base);
    char *above = folder_of(folder);
    do {
        add(places, WATCH_FOLDERS, above);
        above = folder_of(above);
    } while (below && fs_is_within(above, real_base) && strcmp(above, real_base) != 0);
    free(above);
}

/* That of a function that was deployed over the API does not change by itself. */
static void add_env_file(struct places *places, const char *base, const struct function_settings *settings)
{
    if (settings->env_file && !settings->deployment)
        add(places, WATCH_FILE, xasprintf("%s/%s", base, settings->env_file));
}

static void add_functions(struct places *places, const char *base, const struct registry *registry)
{
    cleanup_free char *real_base = realpath(base, NULL);
    for (size_t i = 0; i < registry->function_count; i++) {
        const char *folder = registry->functions[i].folder;
        add_env_file(places, base, &registry->functions[i]);
        if (folder && !registry->functions[i].deployment && !is_last(places, WATCH_TREE, folder))
            add_folder(places, real_base, folder);
    }
}

static void add_plugins(struct source_watch *watch, struct places *places, const struct plugins *plugins)
{
    size_t count;
    const struct plugin *list = plugins_list(plugins, &count);
    folder_list_clear(&watch->of_plugins);
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *folder = folder_of(list[i].path);
        cleanup_free char *own = xasprintf("%s/%s", folder, list[i].language.name);
        folder_list_add(&watch->of_plugins, own);
        add(places, WATCH_TREE, xstrdup(own));
        add_roots(places, watch->base, &list[i].language);
    }
}

void source_watch_set(struct source_watch *watch, const struct registry *registry,
                      const struct plugins *plugins)
{
    struct places places = {0};
    add_registry(&places, watch->config_path);
    add(&places, WATCH_FILES, xstrdup(watch->plugin_dir));
    if (watch->own_plugin_dir)
        add(&places, WATCH_FILES, xstrdup(watch->own_plugin_dir));
    add_roots(&places, watch->base, NULL);
    if (plugins)
        add_plugins(watch, &places, plugins);
    if (registry)
        add_functions(&places, watch->base, registry);
    file_watch_set(watch->files, places.items, places.count);
    clear(&places);
}

/* --- what a change asks for --- */

static enum source_extent extent_of(const struct source_watch *watch, const struct watch_place *place)
{
    if (place->kind == WATCH_FILES)
        return SOURCE_PLUGINS;
    if (place->kind != WATCH_TREE)
        return SOURCE_REGISTRY;
    return folder_list_holds(&watch->of_plugins, place->path) ? SOURCE_PLUGINS : SOURCE_FOLDERS;
}

static void on_changed(void *owner, const struct watch_place *places, size_t count)
{
    struct source_watch *watch = owner;
    struct folder_list folders = {0};
    enum source_extent most = SOURCE_NOTHING;
    for (size_t i = 0; i < count; i++) {
        enum source_extent extent = extent_of(watch, &places[i]);
        if (extent == SOURCE_FOLDERS)
            folder_list_add(&folders, places[i].path);
        if (extent > most)
            most = extent;
    }
    watch->options.changed(watch->options.owner, most, &folders, places[0].path);
    folder_list_clear(&folders);
}

struct source_watch *source_watch_create(const struct source_watch_options *options)
{
    struct source_watch *watch = xcalloc(1, sizeof(*watch));
    const struct file_watch_options files = {.base = options->base,
                                             .background = options->background,
                                             .quiet_ms = QUIET_MS,
                                             .unfinished_ms = UNFINISHED_MS,
                                             .longest_ms = LONGEST_MS,
                                             .look_ms = LOOK_MS,
                                             .blind_look_ms = BLIND_LOOK_MS,
                                             .watches_max = WATCHES_MAX,
                                             .changed = on_changed,
                                             .owner = watch};
    watch->options = *options;
    watch->config_path = xstrdup(options->config_path);
    watch->plugin_dir = xstrdup(options->plugin_dir);
    watch->own_plugin_dir = options->own_plugin_dir ? xstrdup(options->own_plugin_dir) : NULL;
    watch->base = folder_of(options->config_path);
    watch->files = file_watch_create(&files);
    source_watch_set(watch, NULL, NULL);
    return watch;
}

void source_watch_destroy(struct source_watch *watch)
{
    if (!watch)
        return;
    file_watch_destroy(watch->files);
    folder_list_clear(&watch->of_plugins);
    free(watch->config_path);
    free(watch->plugin_dir);
    free(watch->own_plugin_dir);
    free(watch->base);
    free(watch);
}
