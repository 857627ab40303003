#include "prepare/plugins.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "prepare/plugin_claims.h"
#include "prepare/plugin_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct waiter {
    plugins_scanned_fn *done;
    void *context;
};

struct plugins {
    struct plugin_files *files;
    bool scanning, again;
    bool changed; /* since the waiters were told last */
    struct waiter *waiters;
    size_t waiter_count;
    struct plugin_claims *claims;

    struct plugin *list;
    struct language *languages; /* of `list`, in the same order, then of `refusals`; texts belong to the
                                   files, names of refusals to the array, arrays of aliases to `list` */
    size_t count;
    struct plugin_refusal *refusals;
    size_t refusal_count;
};

static void sets_clear(struct plugins *plugins)
{
    for (size_t i = 0; i < plugins->count; i++) {
        free(plugins->list[i].image_dir);
        free(plugins->list[i].builder_dir);
        free(plugins->list[i].language.aliases);
        free(plugins->list[i].refused_aliases);
    }
    free(plugins->list);
    for (size_t i = 0; i < plugins->refusal_count; i++)
        free(plugins->languages[plugins->count + i].name);
    free(plugins->languages);
    free(plugins->refusals);
    plugins->list = NULL;
    plugins->languages = NULL;
    plugins->refusals = NULL;
    plugins->count = plugins->refusal_count = 0;
}

static void on_scanned(void *owner);

int plugins_create(struct build_jobs *jobs, const char *folder, struct plugins **ret_plugins,
                   struct error *err)
{
    struct plugins *plugins = xcalloc(1, sizeof(*plugins));
    if (plugin_files_create(jobs, folder, on_scanned, plugins, &plugins->files, err) < 0) {
        free(plugins);
        return -1;
    }
    plugins->claims = plugin_claims_create();
    *ret_plugins = plugins;
    return 0;
}

void plugins_add_folder(struct plugins *plugins, const char *folder, uid_t owner)
{
    plugin_files_add_folder(plugins->files, folder, owner);
}

void plugins_destroy(struct plugins *plugins)
{
    if (!plugins)
        return;
    sets_clear(plugins);
    plugin_files_destroy(plugins->files);
    plugin_claims_destroy(plugins->claims);
    free(plugins->waiters);
    free(plugins);
}

/* --- who serves what --- */

static void log_accepted(const struct plugin_file *file)
{
    log_info("plugin.found", LOG_STR("plugin", file->found->language.name),
             LOG_STR("version", file->found->version), LOG_STR("path", file->path));
}

/* Gives the plugin the aliases that are its own, and tells of those that it has lost since the last scan. */
static void give_aliases(struct plugins *plugins, struct plugin_file *file,
                         const struct plugin_claimant *claimant, struct plugin *plugin)
{
    const struct language *wanted = &file->found->language;
    if (!file->alias_refused)
        file->alias_refused = xcalloc(wanted->alias_count, sizeof(*file->alias_refused));
    plugin->language.alias_count = 0;
    plugin->language.aliases = xcalloc(wanted->alias_count, sizeof(*plugin->language.aliases));
    plugin->refused_aliases = xcalloc(wanted->alias_count, sizeof(*plugin->refused_aliases));
    for (size_t i = 0; i < wanted->alias_count; i++) {
        const char *taken_by = claimant->alias_taken_by[i];
        if (taken_by)
            plugin->refused_aliases[plugin->refused_alias_count++] =
                (struct refused_alias){wanted->aliases[i], taken_by};
        else
            plugin->language.aliases[plugin->language.alias_count++] = wanted->aliases[i];
        if (taken_by && !file->alias_refused[i])
            log_warning("plugin.alias_refused", LOG_STR("plugin", wanted->name), LOG_STR("path", file->path),
                        LOG_STR("alias", wanted->aliases[i]), LOG_STR("taken_by", taken_by));
        if (file->alias_refused[i] != (taken_by != NULL))
            plugins->changed = true;
        file->alias_refused[i] = taken_by != NULL;
    }
}

static void accept_plugin(struct plugins *plugins, struct plugin_file *file,
                          const struct plugin_claimant *claimant)
{
    const struct build_plugin *found = file->found;
    struct plugin *plugin = &plugins->list[plugins->count++];
    *plugin = (struct plugin){
        .path = file->path,
        .version = found->version,
        .abi_major = found->abi_major,
        .abi_minor = found->abi_minor,
        .scaffolds = found->scaffolds,
        .language = found->language,
        .image_dir = plugin_image_dir(file->path, found->language.name, "image"),
        .builder_dir = plugin_image_dir(file->path, found->language.name, "builder"),
        .changes = file->changes,
    };
    if (file->fresh || file->standing != STANDING_ACCEPTED)
        log_accepted(file);
    if (file->standing != STANDING_ACCEPTED)
        plugins->changed = true;
    file->standing = STANDING_ACCEPTED;
    give_aliases(plugins, file, claimant, plugin);
}

static void refuse_plugin(struct plugins *plugins, struct plugin_file *file, const struct error *why)
{
    plugins->refusals[plugins->refusal_count++] = (struct plugin_refusal){.path = file->path, .error = *why};
    if (file->fresh || file->standing != STANDING_REFUSED)
        log_warning("plugin.refused", LOG_STR("path", file->path), LOG_ERR(why));
    if (file->standing != STANDING_REFUSED)
        plugins->changed = true;
    file->standing = STANDING_REFUSED;
}

static void judge(struct plugins *plugins, struct plugin_file *file, const struct plugin_claimant *claimant)
{
    struct error err;
    plugins->changed = plugins->changed || file->fresh;
    if (!file->found) {
        refuse_plugin(plugins, file, &file->error);
        return;
    }
    if (!claimant->name_taken_by) {
        accept_plugin(plugins, file, claimant);
        return;
    }
    error_set(&err, ERROR_PLUGIN_NAME_TAKEN, "the language \"%s\" is taken by %s", file->found->language.name,
              claimant->name_taken_by);
    error_hint(&err, "remove one of the two files");
    refuse_plugin(plugins, file, &err);
}

/* Decides who serves what. */
static void judge_all(struct plugins *plugins, struct plugin_file *const *files, size_t count)
{
    cleanup_free struct plugin_claimant *claimants = xcalloc(count, sizeof(*claimants));
    for (size_t i = 0; i < count; i++) {
        const struct plugin_file *file = files[i];
        const struct language *language = file->found ? &file->found->language : NULL;
        claimants[i].path = file->path;
        claimants[i].language = language;
        if (language)
            claimants[i].alias_taken_by = xcalloc(language->alias_count, sizeof(char *));
    }
    plugin_claims_settle(plugins->claims, claimants, count);
    for (size_t i = 0; i < count; i++) {
        judge(plugins, files[i], &claimants[i]);
        free(claimants[i].alias_taken_by);
    }
}

/* A refused plugin stands for the language that its file is named after. */
static struct language refused_language(struct plugin_refusal *refusal)
{
    const char *file = strrchr(refusal->path, '/') + 1;
    return (struct language){.name = xstrndup(file, strlen(file) - strlen(".so")),
                             .refusal = refusal->error.message};
}

/* Makes the sets anew of what the scan has found. */
static void publish(struct plugins *plugins)
{
    size_t count;
    struct plugin_file *const *files = plugin_files_list(plugins->files, &count);
    sets_clear(plugins);
    if (plugin_files_forget(plugins->files))
        plugins->changed = true;
    plugins->list = xcalloc(count, sizeof(*plugins->list));
    plugins->refusals = xcalloc(count, sizeof(*plugins->refusals));
    judge_all(plugins, files, count);
    plugins->languages = xcalloc(count, sizeof(*plugins->languages));
    for (size_t i = 0; i < plugins->count; i++)
        plugins->languages[i] = plugins->list[i].language;
    for (size_t i = 0; i < plugins->refusal_count; i++)
        plugins->languages[plugins->count + i] = refused_language(&plugins->refusals[i]);
}

/* --- scans --- */

static int start_scan(struct plugins *plugins, struct error *err)
{
    if (plugin_files_scan(plugins->files, err) < 0)
        return -1;
    plugins->scanning = true;
    return 0;
}

static void tell_waiters(struct plugins *plugins)
{
    bool changed = plugins->changed;
    size_t count = plugins->waiter_count;
    cleanup_free struct waiter *waiters = steal(&plugins->waiters);
    plugins->waiter_count = 0;
    plugins->changed = false;
    for (size_t i = 0; i < count; i++)
        waiters[i].done(waiters[i].context, changed);
}

static void on_scanned(void *owner)
{
    struct plugins *plugins = owner;
    publish(plugins);
    plugins->scanning = false;
    if (plugins->again) {
        struct error err;
        plugins->again = false;
        if (start_scan(plugins, &err) == 0)
            return;
        log_warning("plugin.scan_failed", LOG_ERR(&err));
    }
    tell_waiters(plugins);
}

int plugins_scan(struct plugins *plugins, plugins_scanned_fn *done, void *context, struct error *err)
{
    if (plugins->scanning)
        plugins->again = true;
    else if (start_scan(plugins, err) < 0)
        return -1;
    plugins->waiters = xgrow(plugins->waiters, plugins->waiter_count, sizeof(*plugins->waiters));
    plugins->waiters[plugins->waiter_count++] = (struct waiter){done, context};
    return 0;
}

/* --- questions --- */

const struct plugin *plugins_list(const struct plugins *plugins, size_t *ret_count)
{
    *ret_count = plugins->count;
    return plugins->list;
}

/* True when `word` is the name or an alias of `language`. */
static bool claims(const struct language *language, const char *word)
{
    if (strcasecmp(language->name, word) == 0)
        return true;
    for (size_t i = 0; i < language->alias_count; i++) {
        if (strcasecmp(language->aliases[i], word) == 0)
            return true;
    }
    return false;
}

const struct plugin *plugins_find(const struct plugins *plugins, const char *language)
{
    for (size_t i = 0; i < plugins->count; i++) {
        if (claims(&plugins->list[i].language, language))
            return &plugins->list[i];
    }
    return NULL;
}

const struct language *plugins_languages(const struct plugins *plugins, size_t *ret_count)
{
    *ret_count = plugins->count + plugins->refusal_count;
    return plugins->languages;
}

const struct plugin_refusal *plugins_refusals(const struct plugins *plugins, size_t *ret_count)
{
    *ret_count = plugins->refusal_count;
    return plugins->refusals;
}

const struct error *plugins_distrust(const struct plugins *plugins)
{
    return plugin_files_distrust(plugins->files);
}
