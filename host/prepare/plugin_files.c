#include "prepare/plugin_files.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/private_dir.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file_list {
    struct plugin_file **items;
    size_t count;
};

struct plugin_files {
    struct build_jobs *jobs;
    char *folder;
    char *further; /* a second folder, which need not be there, or NULL */
    uid_t trusted; /* who may own what is in it, beside this user and root */
    struct error distrust; /* why it was not looked into; told once */
    struct file_list list;
    struct file_list former; /* of the scan before; NULL: taken over */
    size_t probes; /* under way */
    struct event *through; /* tells of the end of a scan from the event loop */
    plugin_files_scanned_fn *scanned;
    void *owner;
};

static void file_destroy(struct plugin_file *file)
{
    if (!file)
        return;
    build_job_cancel(file->probe);
    build_plugin_destroy(file->found);
    free(file->alias_refused);
    free(file->path);
    free(file);
}

static void list_clear(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        file_destroy(list->items[i]);
    free(list->items);
    *list = (struct file_list){0};
}

static void on_through(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct plugin_files *files = context;
    files->scanned(files->owner);
}

int plugin_files_create(struct build_jobs *jobs, const char *folder, plugin_files_scanned_fn *scanned,
                        void *owner, struct plugin_files **ret_files, struct error *err)
{
    char cwd[PATH_MAX];
    if (*folder != '/' && !getcwd(cwd, sizeof(cwd)))
        return error_errno(err, COMPONENT_BUILD, errno, "cannot find the plugin folder %s", folder);
    struct plugin_files *files = xcalloc(1, sizeof(*files));
    files->jobs = jobs;
    files->folder = *folder == '/' ? xstrdup(folder) : xasprintf("%s/%s", cwd, folder);
    files->scanned = scanned;
    files->owner = owner;
    files->through = event_new(build_jobs_base(jobs), -1, 0, on_through, files);
    if (!files->through) {
        plugin_files_destroy(files);
        return error_errno(err, COMPONENT_BUILD, ENOMEM, "cannot watch the plugin folder %s", folder);
    }
    *ret_files = files;
    return 0;
}

void plugin_files_add_folder(struct plugin_files *files, const char *folder, uid_t owner)
{
    cleanup_free char *given = realpath(files->folder, NULL);
    cleanup_free char *further = realpath(folder, NULL);
    if (given && further && strcmp(given, further) == 0)
        return;
    files->further = xstrdup(folder);
    files->trusted = owner;
}

const struct error *plugin_files_distrust(const struct plugin_files *files)
{
    return &files->distrust;
}

void plugin_files_destroy(struct plugin_files *files)
{
    if (!files)
        return;
    list_clear(&files->list);
    list_clear(&files->former);
    if (files->through)
        event_free(files->through);
    free(files->folder);
    free(files->further);
    free(files);
}

/* --- one file --- */

static bool same_identity(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* The index of the file at `path`; `list->count` when there is none. */
static size_t find_file(const struct file_list *list, const char *path)
{
    size_t i = 0;
    while (i < list->count && !(list->items[i] && strcmp(list->items[i]->path, path) == 0))
        i++;
    return i;
}

static void on_probed(void *context, struct build_result *result)
{
    struct plugin_file *file = context;
    struct plugin_files *files = file->files;
    file->probe = NULL;
    if (result->ok)
        file->found = steal(&result->plugin);
    else
        file->error = result->error;
    if (!file->found && file->error.code == ERROR_PLUGIN_TIMEOUT)
        error_hint(&file->error, "all that it was asked for is its description; a reload asks again");
    build_result_destroy(result);
    if (--files->probes == 0)
        event_active(files->through, EV_TIMEOUT, 0);
}

/* A new one, being probed, for a file that is new or has changed since `changes` earlier probes. */
static struct plugin_file *probe(struct plugin_files *files, const char *path,
                                 const struct file_identity *identity, uint64_t changes)
{
    const struct build_request request = {.operation = BUILD_PROBE, .plugin = path};
    struct plugin_file *file = xcalloc(1, sizeof(*file));
    *file = (struct plugin_file){
        .files = files, .path = xstrdup(path), .identity = *identity, .changes = changes + 1, .fresh = true};
    files->probes++;
    file->probe = build_jobs_submit(files->jobs, &request, on_probed, file);
    return file;
}

/* A probe that never came to the plugin's code, or not to its end, says nothing about the file. */
static bool must_probe(const struct plugin_file *file, const struct file_identity *identity)
{
    if (!same_identity(&file->identity, identity))
        return true;
    return !file->found && (file->error.code == ERROR_JOB_START || file->error.code == ERROR_PLUGIN_TIMEOUT);
}

/* What is known of one file: taken over from the scan before, or new; NULL when it is not a file (any more).
 */
static struct plugin_file *look_at(struct plugin_files *files, const char *folder, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", folder, name);
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    const struct file_identity identity = {status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                                           status.st_ctim};
    size_t at = find_file(&files->former, path);
    struct plugin_file *file = at < files->former.count ? files->former.items[at] : NULL;
    if (!file || must_probe(file, &identity))
        return probe(files, path, &identity, file ? file->changes : 0);
    files->former.items[at] = NULL;
    file->fresh = false;
    return file;
}

/* --- the folders --- */

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* Looks at every plugin file of a folder, in the order of their names. */
static void look_into(struct plugin_files *files, const char *folder, struct dirent **names, int count)
{
    struct file_list *list = &files->list;
    list->items = xrealloc(list->items, (list->count + (size_t)count) * sizeof(struct plugin_file *));
    for (int i = 0; i < count; i++) {
        struct plugin_file *file = look_at(files, folder, names[i]->d_name);
        if (file)
            list->items[list->count++] = file;
    }
}

/* Whoever may put a file there can make it run on this host. */
static bool is_trusted(struct plugin_files *files, const char *folder, struct dirent **names, int count)
{
    struct error err;
    int rc = private_dir_check_trust(folder, files->trusted, &err);
    for (int i = 0; i < count && rc == 0; i++) {
        cleanup_free char *path = xasprintf("%s/%s", folder, names[i]->d_name);
        cleanup_free char *real = realpath(path, NULL);
        rc = private_dir_check_trust(real ? real : path, files->trusted, &err);
    }
    if (rc == 0) {
        files->distrust = (struct error){0};
        return true;
    }
    error_prefix(&err, "the plugins in %s are not used", files->further);
    if (strcmp(err.message, files->distrust.message) != 0)
        log_warning("plugins.not-trusted", LOG_ERR(&err));
    files->distrust = err;
    return false;
}

static void look_further(struct plugin_files *files)
{
    struct dirent **names;
    cleanup_free char *folder = files->further ? realpath(files->further, NULL) : NULL;
    int count = folder ? scandir(folder, &names, is_plugin_file, by_bytes) : -1;
    if (count < 0)
        return;
    if (count > 0 && is_trusted(files, folder, names, count))
        look_into(files, folder, names, count);
    free_names(names, count);
}

int plugin_files_scan(struct plugin_files *files, struct error *err)
{
    struct dirent **names;
    int count = scandir(files->folder, &names, is_plugin_file, by_bytes);
    if (count < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot read the plugin folder %s", files->folder);
    files->former = files->list;
    files->list = (struct file_list){0};
    look_into(files, files->folder, names, count);
    free_names(names, count);
    look_further(files);
    if (files->probes == 0)
        event_active(files->through, EV_TIMEOUT, 0);
    return 0;
}

struct plugin_file *const *plugin_files_list(const struct plugin_files *files, size_t *ret_count)
{
    *ret_count = files->list.count;
    return files->list.items;
}

bool plugin_files_forget(struct plugin_files *files)
{
    bool some_gone = false;
    for (size_t i = 0; i < files->former.count; i++) {
        const struct plugin_file *file = files->former.items[i];
        if (!file || find_file(&files->list, file->path) < files->list.count)
            continue;
        some_gone = true;
        log_info("plugin.gone", LOG_STR("path", file->path));
    }
    list_clear(&files->former);
    return some_gone;
}
