#include "base/private_dir.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define PRIVATE_MODE 0700

/* `what` says which directory is meant, as a part of the sentence. */
static int not_own(const char *path, const struct stat *status, const char *what, struct error *err)
{
    error_set(err, ERROR_NOT_OWN, "%s%s belongs to the user %u, and berthd runs as the user %u", path, what,
              status->st_uid, geteuid());
    return error_hint(err, "give a directory below ones that only this user and root may change");
}

static int not_safe(const char *path, const struct stat *status, const char *what, struct error *err)
{
    error_set(err, ERROR_NOT_SAFE, "other users may write in %s%s (its mode is %04o)", path, what,
              status->st_mode & 07777);
    return error_hint(err, "look at what is in it, then: chmod go-w %s", path);
}

/* Of a folder above, a group that is the daemon's own may write there: many users have one for themselves.
 * Where the sticky bit is set others may write, but not touch what is another's. */
static bool may_be_changed_by_others(const struct stat *status)
{
    if (status->st_mode & S_ISVTX)
        return false;
    bool own_group = status->st_gid == 0 || status->st_gid == getegid();
    return (status->st_mode & S_IWOTH) || ((status->st_mode & S_IWGRP) && !own_group);
}

static int check_above(const char *above, const char *path, uid_t also, struct error *err)
{
    struct stat status;
    cleanup_free char *what = xasprintf(", on the way to %s,", path);
    if (lstat(above, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot look at %s", above);
    if (status.st_uid != 0 && status.st_uid != geteuid() && status.st_uid != also)
        return not_own(above, &status, what, err);
    return may_be_changed_by_others(&status) ? not_safe(above, &status, what, err) : 0;
}

/* Nobody else can put another directory in the place of one of those that lead to `path`, which is without
 * symbolic links. */
static int check_way(const char *path, uid_t also, struct error *err)
{
    cleanup_free char *above = xstrdup(path);
    for (char *slash; (slash = strrchr(above, '/'));) {
        slash[slash == above] = '\0';
        if (check_above(above, path, also, err) < 0)
            return -1;
        if (slash == above)
            return 0;
    }
    return 0;
}

static bool is_empty(int fd)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_dir DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    }
    return true;
}

static int close_to_others(int fd, const char *path, const char *mark, struct error *err)
{
    if (faccessat(fd, mark, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && !is_empty(fd)) {
        error_set(err, ERROR_NOT_PRIVATE, "other users may look into %s, and what is in it is not Berth's",
                  path);
        return error_hint(err, "give a directory of its own, or close this one: chmod 700 %s", path);
    }
    if (fchmod(fd, PRIVATE_MODE) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot close %s to other users", path);
    return 0;
}

static int take(const char *path, const char *mark, struct error *err)
{
    struct stat status;
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot open the directory %s", path);
    if (status.st_uid != geteuid())
        return not_own(path, &status, "", err);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return not_safe(path, &status, "", err);
    return (status.st_mode & 077) ? close_to_others(fd, path, mark, err) : 0;
}

int private_dir_open(const char *path, const char *mark, char **ret_path, struct error *err)
{
    if (fs_make_dirs(path, PRIVATE_MODE, err) < 0)
        return -1;
    cleanup_free char *real = realpath(path, NULL);
    if (!real)
        return error_errno(err, COMPONENT_FILES, errno, "cannot find the directory %s", path);
    if (check_way(real, geteuid(), err) < 0 || take(real, mark, err) < 0)
        return -1;
    *ret_path = steal(&real);
    return 0;
}

int private_dir_check_trust(const char *path, uid_t also, struct error *err)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot look at %s", path);
    if (status.st_uid != 0 && status.st_uid != geteuid() && status.st_uid != also)
        return not_own(path, &status, "", err);
    status.st_mode &= ~(mode_t)S_ISVTX; /* that keeps nobody from adding files */
    return may_be_changed_by_others(&status) ? not_safe(path, &status, "", err) : check_way(path, also, err);
}
