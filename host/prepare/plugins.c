#include "prepare/plugins.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/private_dir.h"
#include "prepare/plugin_claims.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MINOR_WITH_DEPENDENCIES 2 /* the ABI's, from which on a plugin is told where they are */

/* What makes a file the same one as before. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

enum standing { STANDING_NONE, STANDING_ACCEPTED, STANDING_REFUSED };

/* One file of the folder: probed, or being probed. */
struct entry {
    struct plugins *plugins;
    char *path;
    struct identity identity;
    uint64_t changes;
    struct build_job *probe; /* under way, or NULL */
    struct build_plugin *found; /* NULL: `error` says why not */
    struct error error;
    bool fresh; /* probed by the scan under way */
    enum standing standing;
    bool *alias_refused; /* for each alias of `found`, as of the last scan */
};

struct entries {
    struct entry **items;
    size_t count;
};

struct waiter {
    plugins_scanned_fn *done;
    void *context;
};

struct plugins {
    struct build_jobs *jobs;
    char *folder;
    char *further; /* a second folder, which need not be there, or NULL */
    uid_t owner; /* who may own what is in it, beside this user and root */
    struct error distrust; /* why it was not looked into; told once */
    struct entries entries;
    struct entries retired; /* of the last scan; the sets point to them until they are replaced */
    struct event *started; /* ends the scan's own part from the event loop */
    bool scanning, again, changed;
    size_t probes; /* under way, and one for the scan itself while it starts them */
    struct waiter *waiters;
    size_t waiter_count;
    struct plugin_claims *claims;

    struct plugin *list;
    struct language *languages; /* of `list`, in the same order, then of `refusals`; texts belong to the
                                   entries, names of refusals to the array, arrays of aliases to `list` */
    size_t count;
    struct plugin_refusal *refusals;
    size_t refusal_count;
};

static void entry_destroy(struct entry *entry)
{
    if (!entry)
        return;
    build_job_cancel(entry->probe);
    build_plugin_destroy(entry->found);
    free(entry->alias_refused);
    free(entry->path);
    free(entry);
}

static void entries_clear(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        entry_destroy(entries->items[i]);
    free(entries->items);
    *entries = (struct entries){0};
}

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

static void on_started(evutil_socket_t fd, short what, void *context);

int plugins_create(struct build_jobs *jobs, const char *folder, struct plugins **ret_plugins,
                   struct error *err)
{
    char cwd[PATH_MAX];
    if (*folder != '/' && !getcwd(cwd, sizeof(cwd)))
        return error_errno(err, COMPONENT_BUILD, errno, "cannot find the plugin folder %s", folder);
    struct plugins *plugins = xcalloc(1, sizeof(*plugins));
    plugins->jobs = jobs;
    plugins->folder = *folder == '/' ? xstrdup(folder) : xasprintf("%s/%s", cwd, folder);
    plugins->claims = plugin_claims_create();
    plugins->started = event_new(build_jobs_base(jobs), -1, 0, on_started, plugins);
    if (!plugins->started) {
        plugins_destroy(plugins);
        return error_errno(err, COMPONENT_BUILD, ENOMEM, "cannot watch the plugin folder %s", folder);
    }
    *ret_plugins = plugins;
    return 0;
}

void plugins_add_folder(struct plugins *plugins, const char *folder, uid_t owner)
{
    cleanup_free char *given = realpath(plugins->folder, NULL);
    cleanup_free char *further = realpath(folder, NULL);
    if (given && further && strcmp(given, further) == 0)
        return;
    plugins->further = xstrdup(folder);
    plugins->owner = owner;
}

void plugins_destroy(struct plugins *plugins)
{
    if (!plugins)
        return;
    sets_clear(plugins);
    entries_clear(&plugins->entries);
    entries_clear(&plugins->retired);
    plugin_claims_destroy(plugins->claims);
    if (plugins->started)
        event_free(plugins->started);
    free(plugins->waiters);
    free(plugins->folder);
    free(plugins->further);
    free(plugins);
}

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* The index of the entry of `path`; `entries->count` when there is none. Taken entries are NULL. */
static size_t find_entry(const struct entries *entries, const char *path)
{
    size_t i = 0;
    while (i < entries->count && !(entries->items[i] && strcmp(entries->items[i]->path, path) == 0))
        i++;
    return i;
}

static void probe_finished(struct plugins *plugins);

static void on_probed(void *context, struct build_result *result)
{
    struct entry *entry = context;
    entry->probe = NULL;
    if (result->ok)
        entry->found = steal(&result->plugin);
    else
        entry->error = result->error;
    if (!entry->found && entry->error.code == ERROR_PLUGIN_TIMEOUT)
        error_hint(&entry->error, "all that it was asked for is its description; a reload asks again");
    build_result_destroy(result);
    probe_finished(entry->plugins);
}

/* A new entry, being probed, for a file that is new or has changed since `changes` earlier probes. */
static struct entry *probe(struct plugins *plugins, const char *path, const struct identity *identity,
                           uint64_t changes)
{
    const struct build_request request = {.operation = BUILD_PROBE, .plugin = path};
    struct entry *entry = xcalloc(1, sizeof(*entry));
    *entry = (struct entry){.plugins = plugins,
                            .path = xstrdup(path),
                            .identity = *identity,
                            .changes = changes + 1,
                            .fresh = true};
    plugins->probes++;
    plugins->changed = true;
    entry->probe = build_jobs_submit(plugins->jobs, &request, on_probed, entry);
    return entry;
}

/* A probe that never came to the plugin's code, or not to its end, says nothing about the file. */
static bool must_probe(const struct entry *entry, const struct identity *identity)
{
    if (!same_identity(&entry->identity, identity))
        return true;
    return !entry->found &&
           (entry->error.code == ERROR_JOB_START || entry->error.code == ERROR_PLUGIN_TIMEOUT);
}

/* The entry of one file: taken from those of the last scan, or a new one; NULL when it is not a file (any
 * more). */
static struct entry *look_at(struct plugins *plugins, struct entries *before, const char *folder,
                             const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", folder, name);
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    const struct identity identity = {status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                                      status.st_ctim};
    size_t at = find_entry(before, path);
    struct entry *entry = at < before->count ? before->items[at] : NULL;
    if (!entry || must_probe(entry, &identity))
        return probe(plugins, path, &identity, entry ? entry->changes : 0);
    before->items[at] = NULL;
    entry->fresh = false;
    return entry;
}

/* Looks at every plugin file of a folder, in the order of their names. */
static void look_into(struct plugins *plugins, const char *folder, struct dirent **names, int count)
{
    struct entries *entries = &plugins->entries;
    entries->items = xrealloc(entries->items, (entries->count + (size_t)count) * sizeof(struct entry *));
    for (int i = 0; i < count; i++) {
        struct entry *entry = look_at(plugins, &plugins->retired, folder, names[i]->d_name);
        if (entry)
            entries->items[entries->count++] = entry;
        free(names[i]);
    }
    free(names);
}

/* Whoever may put a file there can make it run on this host. */
static bool is_trusted(struct plugins *plugins, const char *folder, struct dirent **names, int count)
{
    struct error err;
    int rc = private_dir_check_trust(folder, plugins->owner, &err);
    for (int i = 0; i < count && rc == 0; i++) {
        cleanup_free char *path = xasprintf("%s/%s", folder, names[i]->d_name);
        cleanup_free char *real = realpath(path, NULL);
        rc = private_dir_check_trust(real ? real : path, plugins->owner, &err);
    }
    if (rc == 0) {
        plugins->distrust = (struct error){0};
        return true;
    }
    error_prefix(&err, "the plugins in %s are not used", plugins->further);
    if (strcmp(err.message, plugins->distrust.message) != 0)
        log_warning("plugins.not-trusted", LOG_ERR(&err));
    plugins->distrust = err;
    return false;
}

static void look_further(struct plugins *plugins)
{
    struct dirent **names;
    cleanup_free char *folder = plugins->further ? realpath(plugins->further, NULL) : NULL;
    int count = folder ? scandir(folder, &names, is_plugin_file, by_bytes) : 0;
    if (count <= 0)
        return;
    if (is_trusted(plugins, folder, names, count)) {
        look_into(plugins, folder, names, count);
        return;
    }
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static int start_scan(struct plugins *plugins, struct error *err)
{
    struct dirent **names;
    int count = scandir(plugins->folder, &names, is_plugin_file, by_bytes);
    if (count < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot read the plugin folder %s", plugins->folder);
    plugins->scanning = true;
    plugins->probes = 1;
    plugins->retired = plugins->entries;
    plugins->entries = (struct entries){0};
    look_into(plugins, plugins->folder, names, count);
    look_further(plugins);
    event_active(plugins->started, EV_TIMEOUT, 0);
    return 0;
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

char *plugin_image_dir(const char *path, const char *name, const char *what)
{
    int length = (int)(strrchr(path, '/') - path);
    cleanup_free char *folder = xasprintf("%.*s/%s/%s", length, path, name, what);
    cleanup_free char *dockerfile = xasprintf("%s/Dockerfile", folder);
    return fs_exists(dockerfile) ? steal(&folder) : NULL;
}

static void log_accepted(const struct entry *entry)
{
    log_info("plugin.found", LOG_STR("plugin", entry->found->language.name),
             LOG_STR("version", entry->found->version), LOG_STR("path", entry->path));
}

/* Gives the plugin the aliases that are its own, and tells of those that it has lost since the last scan. */
static void give_aliases(struct plugins *plugins, struct entry *entry, const struct plugin_claimant *claimant,
                         struct plugin *plugin)
{
    const struct language *wanted = &entry->found->language;
    if (!entry->alias_refused)
        entry->alias_refused = xcalloc(wanted->alias_count, sizeof(*entry->alias_refused));
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
        if (taken_by && !entry->alias_refused[i])
            log_warning("plugin.alias_refused", LOG_STR("plugin", wanted->name), LOG_STR("path", entry->path),
                        LOG_STR("alias", wanted->aliases[i]), LOG_STR("taken_by", taken_by));
        if (entry->alias_refused[i] != (taken_by != NULL))
            plugins->changed = true;
        entry->alias_refused[i] = taken_by != NULL;
    }
}

static void accept_plugin(struct plugins *plugins, struct entry *entry,
                          const struct plugin_claimant *claimant)
{
    const struct build_plugin *found = entry->found;
    struct plugin *plugin = &plugins->list[plugins->count++];
    *plugin = (struct plugin){
        .path = entry->path,
        .version = found->version,
        .abi_major = found->abi_major,
        .abi_minor = found->abi_minor,
        .scaffolds = found->scaffolds,
        .language = found->language,
        .image_dir = plugin_image_dir(entry->path, found->language.name, "image"),
        .builder_dir = plugin_image_dir(entry->path, found->language.name, "builder"),
        .changes = entry->changes,
    };
    if (entry->fresh || entry->standing != STANDING_ACCEPTED)
        log_accepted(entry);
    if (entry->standing != STANDING_ACCEPTED)
        plugins->changed = true;
    entry->standing = STANDING_ACCEPTED;
    give_aliases(plugins, entry, claimant, plugin);
}

static void refuse_plugin(struct plugins *plugins, struct entry *entry, const struct error *why)
{
    plugins->refusals[plugins->refusal_count++] = (struct plugin_refusal){.path = entry->path, .error = *why};
    if (entry->fresh || entry->standing != STANDING_REFUSED)
        log_warning("plugin.refused", LOG_STR("path", entry->path), LOG_ERR(why));
    if (entry->standing != STANDING_REFUSED)
        plugins->changed = true;
    entry->standing = STANDING_REFUSED;
}

static void judge(struct plugins *plugins, struct entry *entry, const struct plugin_claimant *claimant)
{
    struct error err;
    if (!entry->found) {
        refuse_plugin(plugins, entry, &entry->error);
        return;
    }
    if (!claimant->name_taken_by) {
        accept_plugin(plugins, entry, claimant);
        return;
    }
    error_set(&err, ERROR_PLUGIN_NAME_TAKEN, "the language \"%s\" is taken by %s",
              entry->found->language.name, claimant->name_taken_by);
    error_hint(&err, "remove one of the two files");
    refuse_plugin(plugins, entry, &err);
}

/* Decides who serves what. */
static void judge_all(struct plugins *plugins)
{
    size_t count = plugins->entries.count;
    cleanup_free struct plugin_claimant *claimants = xcalloc(count, sizeof(*claimants));
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = plugins->entries.items[i];
        const struct language *language = entry->found ? &entry->found->language : NULL;
        claimants[i].path = entry->path;
        claimants[i].language = language;
        if (language)
            claimants[i].alias_taken_by = xcalloc(language->alias_count, sizeof(char *));
    }
    plugin_claims_settle(plugins->claims, claimants, count);
    for (size_t i = 0; i < count; i++) {
        judge(plugins, plugins->entries.items[i], &claimants[i]);
        free(claimants[i].alias_taken_by);
    }
}

/* Forgets the entries that the sets of the last scan pointed to. */
static void clear_retired(struct plugins *plugins)
{
    for (size_t i = 0; i < plugins->retired.count; i++) {
        const struct entry *entry = plugins->retired.items[i];
        if (!entry || find_entry(&plugins->entries, entry->path) < plugins->entries.count)
            continue;
        plugins->changed = true;
        log_info("plugin.gone", LOG_STR("path", entry->path));
    }
    entries_clear(&plugins->retired);
}

/* A refused plugin stands for the language that its file is named after. */
static struct language refused_language(struct plugin_refusal *refusal)
{
    const char *file = strrchr(refusal->path, '/') + 1;
    return (struct language){.name = xstrndup(file, strlen(file) - strlen(".so")),
                             .refusal = refusal->error.message};
}

static void publish(struct plugins *plugins)
{
    sets_clear(plugins);
    clear_retired(plugins);
    size_t count = plugins->entries.count;
    plugins->list = xcalloc(count, sizeof(*plugins->list));
    plugins->refusals = xcalloc(count, sizeof(*plugins->refusals));
    judge_all(plugins);
    plugins->languages = xcalloc(count, sizeof(*plugins->languages));
    for (size_t i = 0; i < plugins->count; i++)
        plugins->languages[i] = plugins->list[i].language;
    for (size_t i = 0; i < plugins->refusal_count; i++)
        plugins->languages[plugins->count + i] = refused_language(&plugins->refusals[i]);
}

/* Another probe of the scan is done; with the last one so is the scan. */
static void probe_finished(struct plugins *plugins)
{
    if (--plugins->probes > 0)
        return;
    publish(plugins);
    plugins->scanning = false;
    if (plugins->again) {
        struct error err;
        plugins->again = false;
        if (start_scan(plugins, &err) == 0)
            return;
        log_warning("plugin.scan_failed", LOG_ERR(&err));
    }
    bool changed = plugins->changed;
    size_t count = plugins->waiter_count;
    cleanup_free struct waiter *waiters = steal(&plugins->waiters);
    plugins->waiter_count = 0;
    plugins->changed = false;
    for (size_t i = 0; i < count; i++)
        waiters[i].done(waiters[i].context, changed);
}

static void on_started(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    probe_finished(context);
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

const struct plugin *plugins_list(const struct plugins *plugins, size_t *ret_count)
{
    *ret_count = plugins->count;
    return plugins->list;
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
    return &plugins->distrust;
}

struct build_request plugin_request(const struct plugin *plugin, const struct function_settings *settings,
                                    enum build_operation operation)
{
    return (struct build_request){
        .operation = operation,
        .plugin = plugin->path,
        .language = plugin->language.name,
        .function = settings->name,
        .folder = settings->folder,
        .file = settings->file,
        .options = settings->options,
        .option_count = settings->option_count,
    };
}

bool plugin_sees_dependencies(const struct plugin *plugin)
{
    return plugin->abi_minor >= MINOR_WITH_DEPENDENCIES;
}
