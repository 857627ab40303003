#include "prepare/store/volume_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
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

#define STAGING     ".staging" /* no volume has such a name */

struct volume_store {
    char *dir, *staging; /* on one file system, which may be another than the state directory's */
    struct background *background;
};

/* Moves `path` aside, so that it is gone at once, and removes it in the background. */
static int move_away(const struct volume_store *store, const char *path, struct error *err)
{
    cleanup_free char *aside = volume_store_stage(store);
    if (rename(path, aside) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot remove the volume %s", path);
    background_remove_tree(store->background, aside);
    return 0;
}

/* What was there when the last daemon ended. */
static void empty_staging(const struct volume_store *store)
{
    cleanup_dir DIR *dir = opendir(store->staging);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        cleanup_free char *path = xasprintf("%s/%s", store->staging, entry->d_name);
        background_remove_tree(store->background, path);
    }
}

int volume_store_open(const char *state_dir, struct background *background, struct volume_store **ret_store,
                      struct error *err)
{
    struct volume_store *store = xcalloc(1, sizeof(*store));
    store->background = background;
    if (state_dir_folder(state_dir, "volumes", 0711, &store->dir, err) < 0 ||
        state_dir_folder(store->dir, STAGING, 0700, &store->staging, err) < 0) {
        volume_store_close(store);
        return -1;
    }
    empty_staging(store);
    *ret_store = store;
    return 0;
}

void volume_store_close(struct volume_store *store)
{
    if (!store)
        return;
    free(store->staging);
    free(store->dir);
    free(store);
}

char *volume_store_path(const struct volume_store *store, const char *name)
{
    return xasprintf("%s/%s", store->dir, name);
}

char *volume_store_stage(const struct volume_store *store)
{
    char id[17];
    ident_random(id, sizeof(id) - 1);
    return xasprintf("%s/%s", store->staging, id);
}

bool volume_store_has(const struct volume_store *store, const char *name)
{
    cleanup_free char *path = volume_store_path(store, name);
    return ident_is_name(name) && fs_is_dir(path);
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

int volume_store_list(const struct volume_store *store, char ***ret_names, size_t *ret_count,
                      struct error *err)
{
    cleanup_dir DIR *dir = opendir(store->dir);
    if (!dir)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot read %s", store->dir);
    char **names = NULL;
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (!ident_is_name(entry->d_name))
            continue;
        names = xgrow(names, count, sizeof(*names));
        names[count++] = xstrdup(entry->d_name);
    }
    state_dir_sort(names, count);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

int volume_store_remove(struct volume_store *store, const char *name, struct error *err)
{
    cleanup_free char *path = volume_store_path(store, name);
    if (!volume_store_has(store, name))
        return error_set_in(err, COMPONENT_FLEET, ERROR_NOT_FOUND, "there is no volume \"%.63s\"", name);
    return move_away(store, path, err);
}

int volume_store_check_free(const struct volume_store *store, const char *name, bool replaces,
                            struct error *err)
{
    cleanup_free char *path = volume_store_path(store, name);
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || replaces || is_empty(folder))
        return 0;
    error_set(err, ERROR_VOLUME_NOT_EMPTY, "the volume \"%s\" has content", name);
    return error_hint(err, "to replace it: berth volume import --replace %s; or import into another one",
                      name);
}

/* Puts what is staged in its place in one step: whenever this daemon ends, the one or the other is there, as
 * a whole. With `is_there` the former one is what is staged afterwards. */
static int exchange(const char *stage, const char *path, bool is_there)
{
    return renameat2(AT_FDCWD, stage, AT_FDCWD, path, is_there ? RENAME_EXCHANGE : RENAME_NOREPLACE);
}

int volume_store_place(struct volume_store *store, const char *name, const char *stage,
                       const struct volume_owner *owner, bool replaces, struct error *err)
{
    cleanup_free char *path = volume_store_path(store, name);
    bool may_give = geteuid() == 0;
    if (volume_store_check_free(store, name, replaces, err) < 0)
        return -1;
    if (chmod(stage, VOLUME_MODE) < 0 || (may_give && chown(stage, owner->uid, owner->gid) < 0))
        return error_errno(err, COMPONENT_FLEET, errno, "cannot open %s", stage);
    bool is_there = volume_store_has(store, name);
    if (exchange(stage, path, is_there) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot put the volume %s in its place", path);
    return is_there ? move_away(store, stage, err) : 0;
}

void volume_store_discard(struct volume_store *store, const char *stage)
{
    background_remove_tree(store->background, stage);
}
