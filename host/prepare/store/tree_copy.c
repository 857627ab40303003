#include "prepare/store/tree.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

static int failed(const struct tree_entry *entry, struct error *err)
{
    return error_errno(err, COMPONENT_BUILD, errno, "cannot copy %s", entry->path);
}

static int copy_bytes(int from, int to)
{
    char block[65536];
    for (;;) {
        ssize_t size = read(from, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return (int)size;
        for (ssize_t at = 0, written; at < size; at += written) {
            written = write(to, block + at, (size_t)(size - at));
            if (written < 0 && errno != EINTR)
                return -1;
            if (written < 0)
                written = 0;
        }
    }
}

static int copy_file(int folder, const struct tree_entry *entry, struct error *err)
{
    const struct timespec times[2] = {entry->status->st_mtim, entry->status->st_mtim};
    cleanup_close int from = -1;
    if (fs_open_plain(entry->parent, entry->name, O_NOFOLLOW, &from, NULL, err) < 0)
        return -1;
    cleanup_close int to =
        openat(folder, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0 || copy_bytes(from, to) < 0 || fchmod(to, entry->status->st_mode & 0777) < 0 ||
        futimens(to, times) < 0)
        return failed(entry, err);
    return 0;
}

static int copy_link(int folder, const struct tree_entry *entry, struct error *err)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(entry->parent, entry->name, target, sizeof(target) - 1);
    if (size < 0)
        return failed(entry, err);
    target[size] = '\0';
    return symlinkat(target, folder, entry->path) < 0 ? failed(entry, err) : 0;
}

static int copy_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    int folder = *(const int *)context; /* the top of the copy */
    switch (entry->kind) {
    case TREE_FILE:
        return copy_file(folder, entry, err);
    case TREE_LINK:
        return copy_link(folder, entry, err);
    case TREE_FOLDER:
        return mkdirat(folder, entry->path, 0700) < 0 ? failed(entry, err) : 0;
    case TREE_FOLDER_END:
        return fchmodat(folder, entry->path, entry->status->st_mode & 0777, 0) < 0 ? failed(entry, err) : 0;
    case TREE_SPECIAL:
        break;
    }
    return 0;
}

int tree_copy(const char *path, const char *to, struct error *err)
{
    cleanup_close int folder = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot open the folder %s", to);
    return tree_walk(path, copy_visit, &folder, err);
}
