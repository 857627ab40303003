#include "base/fs.h"
#include "base/alloc.h"

#include "base/cleanup.h"
#include "base/ident.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_make_dirs(const char *path, mode_t mode, struct error *err)
{
    cleanup_free char *partial = xstrdup(path);
    for (char *p = partial + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(partial, mode) < 0 && errno != EEXIST)
            return error_errno(err, COMPONENT_FILES, errno, "cannot create the directory %s", partial);
        *p = '/';
    }
    if (mkdir(partial, mode) < 0 && errno != EEXIST)
        return error_errno(err, COMPONENT_FILES, errno, "cannot create the directory %s", partial);
    if (!fs_is_dir(partial))
        return error_set_in(err, COMPONENT_FILES, ERROR_NOT_A_DIRECTORY, "%s exists and is not a directory",
                            partial);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int fs_remove_tree(const char *path, struct error *err)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return error_errno(err, COMPONENT_FILES, errno, "cannot remove %s", path);
    return 0;
}

static const char *kind_name(mode_t mode)
{
    if (S_ISDIR(mode))
        return "folder";
    if (S_ISFIFO(mode))
        return "pipe";
    return S_ISSOCK(mode) ? "socket" : "device";
}

static int not_plain(const char *name, mode_t mode, struct error *err)
{
    return error_set_in(err, COMPONENT_FILES, ERROR_NOT_A_FILE, "%s is a %s, not a plain file", name,
                        kind_name(mode));
}

int fs_open_plain(int folder, const char *name, int flags, int *ret_fd, struct stat *ret_status,
                  struct error *err)
{
    struct stat status;
    cleanup_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0 && errno == ENXIO && fstatat(folder, name, &status, 0) == 0)
        return not_plain(name, status.st_mode, err); /* a socket, or a device without its driver */
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot open %s", name);
    if (!S_ISREG(status.st_mode))
        return not_plain(name, status.st_mode, err);
    if (ret_status)
        *ret_status = status;
    *ret_fd = steal_fd(&fd);
    return 0;
}

int fs_read_file(const char *path, size_t max, char **ret_data, size_t *ret_size, struct error *err)
{
    cleanup_close int fd = -1;
    if (fs_open_plain(AT_FDCWD, path, 0, &fd, NULL, err) < 0)
        return -1;
    cleanup_strbuf struct strbuf content;
    strbuf_init(&content, max);
    for (;;) {
        char block[16384];
        ssize_t size = read(fd, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, COMPONENT_FILES, errno, "cannot read %s", path);
        if (size == 0)
            break;
        if (strbuf_append(&content, block, (size_t)size) < 0)
            return error_set_in(err, COMPONENT_FILES, ERROR_TOO_LARGE, "%s is larger than %zu bytes", path,
                                max);
    }
    if (ret_size)
        *ret_size = content.length;
    *ret_data = strbuf_steal(&content);
    return 0;
}

int fs_write_all(int fd, const void *bytes, size_t size)
{
    const char *left = bytes;
    while (size > 0) {
        ssize_t written = write(fd, left, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        left += written;
        size -= (size_t)written;
    }
    return 0;
}

int fs_write_file(const char *path, const void *bytes, size_t size, mode_t mode, struct error *err)
{
    char suffix[9];
    ident_random(suffix, 8);
    cleanup_free char *temporary = xasprintf("%s.%s.tmp", path, suffix);
    cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot create %s", temporary);
    if (fs_write_all(fd, bytes, size) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0) {
        int errnum = errno;
        unlink(temporary);
        return error_errno(err, COMPONENT_FILES, errnum, "cannot write %s", path);
    }
    return 0;
}

int fs_sync_folder(const char *path, struct error *err)
{
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot sync %s to the disk", path);
    return 0;
}

bool fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool fs_is_dir(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int open_error(const char *path, struct error *err)
{
    return error_errno(err, COMPONENT_FILES, errno, "cannot open the folder %s", path);
}

static bool is_link_at(int folder, const char *name)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/* One step from *folder, which becomes what is there. */
static int enter(int *folder, const char *name, const char *path, struct error *err)
{
    int next = openat(*folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && errno == ENOTDIR && is_link_at(*folder, name))
        return error_set(err, ERROR_IS_LINK, "%s is a symbolic link or goes through one", path);
    if (next < 0)
        return open_error(path, err);
    close(*folder);
    *folder = next;
    return 0;
}

/* Step by step, and not by openat2: sandboxes refuse that one, since a filter cannot look at what it is
 * asked. */
int fs_open_real_dir(const char *path, int *ret_fd, struct error *err)
{
    cleanup_free char *steps = xstrdup(path);
    cleanup_close int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest;
    if (folder < 0)
        return open_error(path, err);
    for (const char *name = strtok_r(steps, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        if (enter(&folder, name, path, err) < 0)
            return -1;
    }
    *ret_fd = steal_fd(&folder);
    return 0;
}

bool fs_is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 1) /* the root directory */
        return true;
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}
