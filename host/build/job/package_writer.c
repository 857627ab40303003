#include "build/job/package_writer.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "build/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINK_DEPTH_MAX 8 /* folders entered by a link within such a folder: deeper is a circle */

/* Modes come out as asked for with this mask; set before anything is made, for the plugin may have changed
 * it. */
#define CREATION_MASK 022

struct package_writer {
    int root;
    char *root_path;
    char parent[PACKAGE_PATH_MAX + 1]; /* a folder known to be there; saves calls for files side by side */
    uint64_t bytes;
    size_t files, folders;
    package_skipped_fn *skipped;
    void *context;
};

static const struct timespec fixed_times[2] = {{.tv_sec = TREE_MTIME_S}, {.tv_sec = TREE_MTIME_S}};

int package_writer_create(const char *root, package_skipped_fn *skipped, void *context,
                          struct package_writer **ret_writer, struct error *err)
{
    umask(CREATION_MASK);
    if (mkdir(root, PACKAGE_MODE_DIR) < 0)
        return error_errno(err, "build", errno, "cannot create the directory %s", root);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "build", errno, "cannot open the directory %s", root);
    struct package_writer *writer = xcalloc(1, sizeof(*writer));
    *writer = (struct package_writer){
        .root = fd, .root_path = xstrdup(root), .skipped = skipped, .context = context};
    *ret_writer = writer;
    return 0;
}

void package_writer_destroy(struct package_writer *writer)
{
    if (!writer)
        return;
    close(writer->root);
    free(writer->root_path);
    free(writer);
}

bool package_path_valid(const char *path)
{
    size_t length = strnlen(path, PACKAGE_PATH_MAX + 1);
    if (length == 0 || length > PACKAGE_PATH_MAX)
        return false;
    for (const char *part = path;;) {
        size_t size = strcspn(part, "/");
        bool dots = (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
        if (size == 0 || size > NAME_MAX || dots)
            return false;
        if (part[size] == '\0')
            return true;
        part += size + 1;
    }
}

static int check_path(const char *path, struct error *err)
{
    if (path && package_path_valid(path))
        return 0;
    return error_set(err, "build", "bad-path",
                     "the path \"%.200s\" is not relative, or has an empty, \".\" or \"..\" component, or is "
                     "longer than %d bytes",
                     path ? path : "(null)", PACKAGE_PATH_MAX);
}

static int too_many(struct error *err)
{
    error_set(err, "build", "package-too-large", "the package has more than %d files and folders",
              PACKAGE_FILES_MAX);
    return error_hint(err, "install libraries as dependencies instead of keeping them in the folder");
}

static int reserve_bytes(struct package_writer *writer, uint64_t size, struct error *err)
{
    if (size > PACKAGE_BYTES_MAX - writer->bytes) {
        error_set(err, "build", "package-too-large", "the package is larger than %llu MiB",
                  PACKAGE_BYTES_MAX >> 20);
        return error_hint(err, "keep large data out of the function's folder");
    }
    writer->bytes += size;
    return 0;
}

static int make_folder(struct package_writer *writer, const char *path, struct error *err)
{
    if (mkdirat(writer->root, path, PACKAGE_MODE_DIR) < 0) {
        if (errno == EEXIST)
            return 0;
        return error_errno(err, "build", errno, "cannot create the folder %s in the package", path);
    }
    if (writer->files + ++writer->folders > PACKAGE_FILES_MAX)
        return too_many(err);
    return 0;
}

/* Makes the folders that `path` names before its last component. */
static int make_parents(struct package_writer *writer, const char *path, struct error *err)
{
    const char *end = strrchr(path, '/');
    size_t length = end ? (size_t)(end - path) : 0;
    if (length == 0 || (strncmp(writer->parent, path, length) == 0 && writer->parent[length] == '\0'))
        return 0;
    cleanup_free char *partial = xstrdup(path);
    for (char *slash = strchr(partial, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_folder(writer, partial, err) < 0)
            return -1;
        *slash = '/';
    }
    snprintf(writer->parent, sizeof(writer->parent), "%.*s", (int)length, path);
    return 0;
}

static int create_file(struct package_writer *writer, const char *path, bool executable, int *ret_fd,
                       struct error *err)
{
    if (make_parents(writer, path, err) < 0)
        return -1;
    if (writer->files + writer->folders >= PACKAGE_FILES_MAX)
        return too_many(err);
    mode_t mode = executable ? PACKAGE_MODE_EXEC : PACKAGE_MODE_FILE;
    cleanup_close int fd =
        openat(writer->root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return error_set(err, "build", "exists", "%s is in the package already", path);
    if (fd < 0)
        return error_errno(err, "build", errno, "cannot create %s in the package", path);
    writer->files++;
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int write_bytes(int fd, const char *path, const char *bytes, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "build", errno, "cannot write %s in the package", path);
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int set_times(int fd, const char *path, struct error *err)
{
    if (futimens(fd, fixed_times) < 0)
        return error_errno(err, "build", errno, "cannot set the time of %s in the package", path);
    return 0;
}

int package_writer_add_file(struct package_writer *writer, const char *path, const void *bytes, size_t size,
                            bool executable, struct error *err)
{
    umask(CREATION_MASK);
    if (check_path(path, err) < 0 || reserve_bytes(writer, size, err) < 0)
        return -1;
    cleanup_close int fd = -1;
    if (create_file(writer, path, executable, &fd, err) < 0)
        return -1;
    if (write_bytes(fd, path, bytes, size, err) < 0)
        return -1;
    return set_times(fd, path, err);
}

/* One add_folder under way, or a link to a folder within it. */
struct folder_copy {
    struct package_writer *writer;
    const char *prefix;      /* where in the package; "" for the top */
    const char *source;      /* the folder that is walked */
    const char *source_real; /* what links must not leave */
    const char *const *exclude;
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

static int copy_bytes(struct package_writer *writer, int from, int to, const char *path, struct error *err)
{
    for (;;) {
        char block[65536];
        ssize_t size = read(from, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, "build", errno, "cannot read %s", path);
        if (size == 0)
            return 0;
        if (reserve_bytes(writer, (uint64_t)size, err) < 0 ||
            write_bytes(to, path, block, (size_t)size, err) < 0)
            return -1;
    }
}

static int copy_file(struct package_writer *writer, int parent, const char *name, const char *path,
                     struct error *err)
{
    cleanup_close int from = -1;
    struct stat status;
    if (fs_open_plain(parent, name, O_NOFOLLOW, &from, &status, err) < 0)
        return -1;
    cleanup_close int to = -1;
    if (create_file(writer, path, status.st_mode & S_IXUSR, &to, err) < 0)
        return -1;
    if (copy_bytes(writer, from, to, path, err) < 0)
        return -1;
    return set_times(to, path, err);
}

/* True when `path` is `folder` or below it. */
static bool is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 1) /* the root directory */
        return true;
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int bad_link(struct folder_copy *copy, char *link, const char *path, const char *why,
                    const char *target, struct error *err)
{
    *copy->culprit = link;
    error_set(err, "build", "bad-link", "the link %s %s%s", path, why, target);
    return error_hint(err, "put the file itself there, or exclude the link");
}

static int folder_visit(void *context, const struct tree_entry *entry, struct error *err);

static int copy_link(struct folder_copy *copy, const struct tree_entry *entry, const char *path,
                     struct error *err)
{
    cleanup_free char *link = xasprintf("%s/%s", copy->source, entry->path);
    cleanup_free char *target = realpath(link, NULL);
    if (!target) {
        copy->writer->skipped(copy->writer->context, link, "it is a link that leads nowhere");
        return 0;
    }
    if (!is_within(target, copy->source_real))
        return bad_link(copy, steal(&link), path, "leads out of the folder, to ", target, err);
    struct stat status;
    if (stat(target, &status) < 0)
        return error_errno(err, "build", errno, "cannot look at %s", target);
    if (S_ISREG(status.st_mode))
        return copy_file(copy->writer, AT_FDCWD, target, path, err);
    if (!S_ISDIR(status.st_mode)) {
        copy->writer->skipped(copy->writer->context, link, "it is neither a file nor a folder");
        return 0;
    }
    if (copy->link_depth == LINK_DEPTH_MAX)
        return bad_link(copy, steal(&link), path, "leads in a circle", "", err);
    struct folder_copy inner = *copy;
    inner.prefix = path;
    inner.source = target;
    inner.link_depth++;
    if (make_folder(copy->writer, path, err) < 0)
        return -1;
    return tree_walk(target, folder_visit, &inner, err);
}

static int folder_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    struct folder_copy *copy = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    if (excluded(copy->exclude, entry->name))
        return 1;
    cleanup_free char *path = xasprintf("%s%s%s", copy->prefix, *copy->prefix ? "/" : "", entry->path);
    if (check_path(path, err) < 0)
        return -1;
    switch (entry->kind) {
    case TREE_FILE:
        return copy_file(copy->writer, entry->parent, entry->name, path, err);
    case TREE_FOLDER:
        return make_folder(copy->writer, path, err);
    case TREE_LINK:
        return copy_link(copy, entry, path, err);
    default: {
        cleanup_free char *full = xasprintf("%s/%s", copy->source, entry->path);
        copy->writer->skipped(copy->writer->context, full, "it is neither a file nor a folder");
        return 0;
    }
    }
}

int package_writer_add_folder(struct package_writer *writer, const char *path, const char *source,
                              const char *const *exclude, char **ret_culprit, struct error *err)
{
    umask(CREATION_MASK);
    if (!path || (*path && check_path(path, err) < 0))
        return path ? -1 : check_path(path, err);
    cleanup_free char *real = source && *source == '/' ? realpath(source, NULL) : NULL;
    struct stat status;
    if (!real || stat(real, &status) < 0 || !S_ISDIR(status.st_mode))
        return error_set(err, "build", "bad-source",
                         "the source \"%.200s\" is not the absolute path of a folder",
                         source ? source : "(null)");
    if (*path) {
        cleanup_free char *below = xasprintf("%s/", path);
        if (make_parents(writer, below, err) < 0)
            return -1;
    }
    struct folder_copy copy = {.writer = writer,
                               .prefix = path,
                               .source = real,
                               .source_real = real,
                               .exclude = exclude,
                               .culprit = ret_culprit};
    return tree_walk(real, folder_visit, &copy, err);
}

static int finish_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)context;
    if (entry->kind == TREE_FOLDER_END &&
        utimensat(entry->parent, entry->name, fixed_times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "build", errno, "cannot set the time of %s in the package", entry->path);
    return 0;
}

int package_writer_finish(struct package_writer *writer, struct error *err)
{
    if (tree_walk(writer->root_path, finish_visit, NULL, err) < 0)
        return -1;
    return set_times(writer->root, ".", err);
}

size_t package_writer_files(const struct package_writer *writer)
{
    return writer->files;
}
