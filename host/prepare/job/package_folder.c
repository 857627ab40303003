#include "prepare/job/package_folder.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stray_file.h"
#include "prepare/job/package_writer.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINK_DEPTH_MAX 8 /* folders entered by a link within such a folder: deeper is a circle */

/* One add_folder under way, or a link to a folder within it. */
struct folder_copy {
    struct package_sink *sink;
    package_skipped_fn *skipped;
    void *context;
    const char *prefix; /* where in the package; "" for the top */
    const char *source; /* the folder that is walked */
    const char *source_real; /* what links must not leave */
    const struct package_folder *of;
    unsigned link_depth;
    char **culprit;
};

static bool excluded(const char *const *exclude, const char *name)
{
    for (; exclude && *exclude; exclude++) {
        if (fnmatch(*exclude, name, 0) == 0)
            return true;
    }
    return false;
}

/* Whether the path is one of `keep`, or that of a folder with one of them in it. */
static bool is_kept(const char *const *keep, const char *path, bool is_folder)
{
    size_t length = strlen(path);
    for (; keep && *keep; keep++) {
        char next = strncmp(*keep, path, length) == 0 ? (*keep)[length] : '?';
        if (is_folder ? next == '/' : next == '\0')
            return true;
    }
    return false;
}

static bool is_ignored(const struct folder_copy *copy, const char *path)
{
    return copy->of->ignore && ignore_rules_match(copy->of->ignore, path);
}

/* Whether nothing of what is ignored here is wanted; a folder may have something in it. */
static bool is_left_out(const struct folder_copy *copy, const struct tree_entry *entry, const char *path)
{
    bool is_folder = entry->kind == TREE_FOLDER;
    return is_ignored(copy, path) && !is_kept(copy->of->keep, path, is_folder) &&
           !(is_folder && ignore_rules_take_back(copy->of->ignore));
}

static int copy_file(const struct folder_copy *copy, int parent, const char *name, const char *path,
                     struct error *err)
{
    cleanup_close int from = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (from < 0 || fstat(from, &status) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot open %s", path);
    return package_sink_copy_file(copy->sink, path, from, (uint64_t)status.st_size, status.st_mode & S_IXUSR,
                                  err);
}

static int bad_link(struct folder_copy *copy, char *link, const char *path, const char *why,
                    const char *target, struct error *err)
{
    *copy->culprit = link;
    error_set(err, ERROR_BAD_LINK, "the link %s %s%s", path, why, target);
    return error_hint(err, "put the file itself there, or exclude the link");
}

static int folder_visit(void *context, const struct tree_entry *entry, struct error *err);

static int copy_link(struct folder_copy *copy, const struct tree_entry *entry, const char *path,
                     struct error *err)
{
    cleanup_free char *link = xasprintf("%s/%s", copy->source, entry->path);
    cleanup_free char *target = realpath(link, NULL);
    if (!target) {
        copy->skipped(copy->context, link, "it is a link that leads nowhere");
        return 0;
    }
    if (!fs_is_within(target, copy->source_real))
        return bad_link(copy, steal(&link), path, "leads out of the folder, to ", target, err);
    struct stat status;
    if (stat(target, &status) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot look at %s", target);
    if (S_ISREG(status.st_mode))
        return copy_file(copy, AT_FDCWD, target, path, err);
    if (!S_ISDIR(status.st_mode)) {
        copy->skipped(copy->context, link, "it is neither a file nor a folder");
        return 0;
    }
    if (copy->link_depth == LINK_DEPTH_MAX)
        return bad_link(copy, steal(&link), path, "leads in a circle", "", err);
    struct folder_copy inner = *copy;
    inner.prefix = path;
    inner.source = target;
    inner.link_depth++;
    if (package_sink_add_folder(copy->sink, path, err) < 0)
        return -1;
    return tree_walk(target, folder_visit, &inner, err);
}

static int folder_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    struct folder_copy *copy = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    if (stray_file_name(entry->name) || excluded(copy->of->exclude, entry->name))
        return 1;
    cleanup_free char *path = xasprintf("%s%s%s", copy->prefix, *copy->prefix ? "/" : "", entry->path);
    if (is_left_out(copy, entry, path))
        return 1;
    if (package_path_check(path, err) < 0)
        return -1;
    switch (entry->kind) {
    case TREE_FILE:
        return copy_file(copy, entry->parent, entry->name, path, err);
    case TREE_FOLDER:
        return is_ignored(copy, path) ? 0 : package_sink_add_folder(copy->sink, path, err);
    case TREE_LINK:
        return copy_link(copy, entry, path, err);
    default: {
        cleanup_free char *full = xasprintf("%s/%s", copy->source, entry->path);
        copy->skipped(copy->context, full, "it is neither a file nor a folder");
        return 0;
    }
    }
}

int package_folder_add(struct package_sink *sink, const struct package_folder *folder, char **ret_culprit,
                       struct error *err)
{
    const char *path = folder->path, *source = folder->source;
    if (!path || (*path && package_path_check(path, err) < 0))
        return path ? -1 : package_path_check(path, err);
    cleanup_free char *real = source && *source == '/' ? realpath(source, NULL) : NULL;
    struct stat status;
    if (!real || stat(real, &status) < 0 || !S_ISDIR(status.st_mode))
        return error_set(err, ERROR_BAD_SOURCE, "the source \"%.200s\" is not the absolute path of a folder",
                         source ? source : "(null)");
    if (*path && package_sink_add_folder(sink, path, err) < 0)
        return -1;
    struct folder_copy copy = {.sink = sink,
                               .skipped = folder->skipped,
                               .context = folder->context,
                               .prefix = path,
                               .source = real,
                               .source_real = real,
                               .of = folder,
                               .culprit = ret_culprit};
    return tree_walk(real, folder_visit, &copy, err);
}
