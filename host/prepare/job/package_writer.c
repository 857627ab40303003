#include "prepare/job/package_writer.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Modes come out as asked for with this mask. */
#define CREATION_MASK 022

struct package_writer {
    int root;
    char *root_path;
    char parent[PACKAGE_PATH_MAX + 1]; /* a folder known to be there; saves calls for files side by side */
    uint64_t bytes;
    size_t files, folders;
};

static const struct timespec fixed_times[2] = {{.tv_sec = TREE_MTIME_S}, {.tv_sec = TREE_MTIME_S}};

int package_writer_create(const char *root, struct package_writer **ret_writer, struct error *err)
{
    umask(CREATION_MASK);
    if (mkdir(root, PACKAGE_MODE_DIR) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot create the directory %s", root);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot open the directory %s", root);
    struct package_writer *writer = xcalloc(1, sizeof(*writer));
    *writer = (struct package_writer){.root = fd, .root_path = xstrdup(root)};
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

int package_path_check(const char *path, struct error *err)
{
    if (path && package_path_valid(path))
        return 0;
    return error_set(err, ERROR_BAD_PATH,
                     "the path \"%.200s\" is not relative, or has an empty, \".\" or \"..\" component, or is "
                     "longer than %d bytes",
                     path ? path : "(null)", PACKAGE_PATH_MAX);
}

static int too_many(struct error *err)
{
    error_set(err, ERROR_PACKAGE_TOO_LARGE, "the package has more than %d files and folders",
              PACKAGE_FILES_MAX);
    return error_hint(err, "install libraries as dependencies instead of keeping them in the folder");
}

static int reserve_bytes(struct package_writer *writer, uint64_t size, struct error *err)
{
    if (size > PACKAGE_BYTES_MAX - writer->bytes) {
        error_set(err, ERROR_PACKAGE_TOO_LARGE, "the package is larger than %llu MiB",
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
        return error_errno(err, COMPONENT_BUILD, errno, "cannot create the folder %s in the package", path);
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
        return error_set_in(err, COMPONENT_BUILD, ERROR_EXISTS, "%s is in the package already", path);
    if (fd < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot create %s in the package", path);
    writer->files++;
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int set_times(int fd, const char *path, struct error *err)
{
    if (futimens(fd, fixed_times) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot set the time of %s in the package", path);
    return 0;
}

int package_writer_add_folder(struct package_writer *writer, const char *path, struct error *err)
{
    if (package_path_check(path, err) < 0 || make_parents(writer, path, err) < 0)
        return -1;
    return make_folder(writer, path, err);
}

int package_writer_open_file(struct package_writer *writer, const char *path, uint64_t size, bool executable,
                             int *ret_fd, struct error *err)
{
    if (package_path_check(path, err) < 0 || reserve_bytes(writer, size, err) < 0)
        return -1;
    return create_file(writer, path, executable, ret_fd, err);
}

int package_writer_write(int fd, const char *path, const void *bytes, size_t size, struct error *err)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot write %s in the package", path);
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

int package_writer_close_file(int fd, const char *path, struct error *err)
{
    int rc = set_times(fd, path, err);
    close(fd);
    return rc;
}

static int finish_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)context;
    if (entry->kind == TREE_FOLDER_END &&
        utimensat(entry->parent, entry->name, fixed_times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot set the time of %s in the package",
                           entry->path);
    return 0;
}

int package_writer_finish(struct package_writer *writer, struct error *err)
{
    if (tree_walk(writer->root_path, finish_visit, NULL, err) < 0)
        return -1;
    return set_times(writer->root, ".", err);
}
