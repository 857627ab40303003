#include "prepare/store/volume_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "prepare/store/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOLUME_MODE 0777

struct volume_store {
    char *dir;
};

int volume_store_open(const char *state_dir, struct volume_store **ret_store, struct error *err)
{
    struct volume_store *store = xcalloc(1, sizeof(*store));
    if (state_dir_folder(state_dir, "volumes", 0711, &store->dir, err) < 0) {
        volume_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void volume_store_close(struct volume_store *store)
{
    if (!store)
        return;
    free(store->dir);
    free(store);
}

char *volume_store_path(const struct volume_store *store, const char *name)
{
    return xasprintf("%s/%s", store->dir, name);
}

static bool is_empty(int folder)
{
    cleanup_close int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    bool empty = dir != NULL;
    if (!dir)
        return false;
    steal_fd(&copy);
    for (const struct dirent *entry; empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

int volume_store_ensure(struct volume_store *store, const char *name, uid_t uid, gid_t gid, struct error *err)
{
    struct stat status;
    cleanup_free char *path = volume_store_path(store, name);
    bool is_new = mkdir(path, VOLUME_MODE) == 0;
    if (!is_new && errno != EEXIST)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot make the volume %s", path);
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &status) < 0 || (is_new && fchmod(folder, VOLUME_MODE) < 0))
        return error_errno(err, COMPONENT_FLEET, errno, "cannot use the volume %s", path);
    bool is_given = geteuid() != 0 || uid == (uid_t)-1 || (status.st_uid == uid && status.st_gid == gid);
    if (!is_given && is_empty(folder) && fchown(folder, uid, gid) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot give the volume %s to its user", path);
    return 0;
}
