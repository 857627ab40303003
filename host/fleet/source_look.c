#include "fleet/source_look.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "prepare/plugins.h"
#include "prepare/store/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FORMAT   "1" /* of what is kept of a prepared function */
#define NO_FILES "-" /* the stamp of a function that has none */
#define GRAIN_MS 20 /* longest tick of a kernel's clock for files, twice */
#define COARSE_S 2 /* of file systems that count in seconds */

struct subject {
    char *folder; /* NULL: there is none, or it is not looked at */
    const char *plugin; /* digest of its plugin, "" when not known */
    char stamp[HASH_HEX_SIZE]; /* of the files, "" when not known */
    bool again; /* its newest change is too fresh */
};

/* What is looked at of a plugin: its file, and the folder of its name beside it. */
struct plugin_subject {
    char *path, *folder;
    char digest[HASH_HEX_SIZE];
};

struct source_look {
    struct background *background;
    struct generation *generation;
    source_look_done_fn *done;
    void *owner;
    struct event *later;
    bool second; /* look */
    bool working, cancelled;
    struct plugin_subject *plugins;
    size_t plugin_count;
    struct subject *subjects;
    size_t count;
};

static void destroy(struct source_look *look)
{
    for (size_t i = 0; i < look->plugin_count; i++) {
        free(look->plugins[i].path);
        free(look->plugins[i].folder);
    }
    for (size_t i = 0; i < look->count; i++)
        free(look->subjects[i].folder);
    event_free(look->later);
    generation_unref(look->generation);
    free(look->plugins);
    free(look->subjects);
    free(look);
}

/* --- in the background --- */

static void look_at_plugin(struct plugin_subject *plugin)
{
    struct hash *hash = hash_create();
    struct error err;
    struct stat status = {0};
    char stamp[HASH_HEX_SIZE] = "";
    stat(plugin->path, &status);
    const uint64_t facts[] = {
        status.st_ino,
        (uint64_t)status.st_size,
        (uint64_t)status.st_mtim.tv_sec,
        (uint64_t)status.st_mtim.tv_nsec,
        (uint64_t)status.st_ctim.tv_sec,
        (uint64_t)status.st_ctim.tv_nsec,
    };
    tree_source_stamp(plugin->folder, stamp, NULL, &err); /* most have none */
    hash_update_text(hash, FORMAT);
    hash_update_text(hash, plugin->path);
    hash_update(hash, facts, sizeof(facts));
    hash_update_text(hash, stamp);
    hash_finish(hash, plugin->digest);
}

/* Whether a change after this moment would show. A file system whose clock has a coarse grain shows none of
 * the same second, or of the next. */
static bool is_past(const struct timespec *changed, const struct timespec *now)
{
    int64_t grain_ns = changed->tv_nsec ? GRAIN_MS * 1000000 : COARSE_S * 1000000000LL;
    int64_t age_ns = (now->tv_sec - changed->tv_sec) * 1000000000LL + now->tv_nsec - changed->tv_nsec;
    return age_ns > grain_ns;
}

static void look_at_files(struct subject *subject)
{
    struct timespec now, changed = {.tv_nsec = 1};
    struct error err;
    subject->again = false;
    if (!subject->folder)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (tree_source_stamp(subject->folder, subject->stamp, &changed, &err) < 0) {
        subject->stamp[0] = '\0';
    } else if (!is_past(&changed, &now)) {
        subject->stamp[0] = '\0';
        subject->again = true;
    }
}

static void work(void *context)
{
    struct source_look *look = context;
    for (size_t i = 0; i < look->plugin_count && !look->second; i++)
        look_at_plugin(&look->plugins[i]);
    for (size_t i = 0; i < look->count; i++) {
        if (!look->second || look->subjects[i].again)
            look_at_files(&look->subjects[i]);
    }
}

/* --- on the control thread --- */

static void make_digest(const char *plugin, const struct subject *subject,
                        const struct function_settings *settings, char ret_digest[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    if (plugin)
        hash_update_text(hash, plugin);
    hash_update_text(hash, subject->stamp);
    function_settings_hash(settings, CHANGE_PREPARES, hash);
    function_settings_hash(settings, CHANGE_REPLACES, hash);
    hash_finish(hash, ret_digest);
}

static void make_inputs(const struct subject *subject, const struct function_settings *settings,
                        struct source_inputs *ret_inputs)
{
    *ret_inputs = (struct source_inputs){0};
    if (*subject->stamp)
        make_digest(NULL, subject, settings, ret_inputs->own);
    if (*subject->stamp && *subject->plugin)
        make_digest(subject->plugin, subject, settings, ret_inputs->all);
}

static void report(struct source_look *look)
{
    const struct registry *registry = look->generation->registry;
    struct source_inputs *inputs = xcalloc(look->count, sizeof(*inputs));
    for (size_t i = 0; i < look->count; i++)
        make_inputs(&look->subjects[i], &registry->functions[i], &inputs[i]);
    look->done(look->owner, look->generation, inputs);
    free(inputs);
    destroy(look);
}

static void on_worked(void *context, bool ran)
{
    struct source_look *look = context;
    look->working = false;
    if (look->cancelled || !ran) {
        destroy(look);
        return;
    }
    bool again = false;
    for (size_t i = 0; i < look->count; i++)
        again = again || look->subjects[i].again;
    if (again && !look->second)
        event_add(look->later, &(struct timeval){.tv_usec = 2 * GRAIN_MS * 1000});
    else
        report(look);
}

static void begin(struct source_look *look)
{
    look->working = true;
    background_run(look->background, work, on_worked, look);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct source_look *look = context;
    look->second = true;
    begin(look);
}

static const char *digest_of(const struct source_look *look, const struct plugins *plugins,
                             const char *language)
{
    size_t count;
    const struct plugin *list = plugins_list(plugins, &count);
    const struct plugin *plugin = language ? plugins_find(plugins, language) : NULL;
    return plugin ? look->plugins[plugin - list].digest : "";
}

static void list_plugins(struct source_look *look, const struct plugins *plugins)
{
    const struct plugin *list = plugins_list(plugins, &look->plugin_count);
    look->plugins = xcalloc(look->plugin_count, sizeof(*look->plugins));
    for (size_t i = 0; i < look->plugin_count; i++) {
        int length = (int)(strrchr(list[i].path, '/') - list[i].path);
        look->plugins[i].path = xstrdup(list[i].path);
        look->plugins[i].folder = xasprintf("%.*s/%s", length, list[i].path, list[i].language.name);
    }
}

struct source_look *source_look_start(struct event_base *base, struct background *background,
                                      const struct plugins *plugins, struct generation *generation,
                                      const struct folder_list *only, source_look_done_fn *done, void *owner)
{
    const struct registry *registry = generation->registry;
    struct source_look *look = xcalloc(1, sizeof(*look));
    look->background = background;
    look->generation = generation_ref(generation);
    look->done = done;
    look->owner = owner;
    look->later = evtimer_new(base, on_later, look);
    list_plugins(look, plugins);
    look->count = registry->function_count;
    look->subjects = xcalloc(look->count, sizeof(*look->subjects));
    for (size_t i = 0; i < look->count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        look->subjects[i].plugin = digest_of(look, plugins, settings->language);
        if (settings->folder && !settings->broken && (!only || folder_list_holds(only, settings->folder)))
            look->subjects[i].folder = xstrdup(settings->folder);
        else if (!settings->folder && !settings->broken)
            memcpy(look->subjects[i].stamp, NO_FILES, sizeof(NO_FILES));
    }
    begin(look);
    return look;
}

void source_look_cancel(struct source_look *look)
{
    if (!look)
        return;
    look->cancelled = true;
    if (!look->working)
        destroy(look);
}
