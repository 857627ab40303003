#include "build/package_store.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "build/state_dir.h"
#include "build/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BOOT_ID     "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

struct package_store {
    char *state, *packages, *staging;
    struct background *background;
};

/* Removes everything in staging/, of whatever name. */
static void empty_staging(struct package_store *store)
{
    cleanup_dir DIR *dir = opendir(store->staging);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        cleanup_free char *path = xasprintf("%s/%s", store->staging, entry->d_name);
        background_remove_tree(store->background, path);
    }
}

/* Drops packages that were made before the machine last started: their content may not have reached the disk.
 */
static int drop_earlier_boot(struct package_store *store, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/boot-id", store->state);
    cleanup_free char *now = NULL, *before = NULL;
    if (fs_read_file(BOOT_ID, BOOT_ID_MAX, &now, NULL, NULL) < 0)
        now = xstrdup("");
    if (fs_read_file(path, BOOT_ID_MAX, &before, NULL, NULL) == 0 && strcmp(now, before) == 0)
        return 0;
    package_store_collect(store, NULL, 0);
    return fs_write_file(path, now, strlen(now), 0644, err);
}

int package_store_open(const char *state_dir, struct background *background, struct package_store **ret_store,
                       struct error *err)
{
    struct package_store *store = xcalloc(1, sizeof(*store));
    store->background = background;
    int rc = state_dir_open(state_dir, &store->state, err);
    if (rc == 0)
        rc = state_dir_folder(store->state, "packages", 0755, &store->packages, err);
    if (rc == 0)
        rc = state_dir_folder(store->state, "staging", 0700, &store->staging, err);
    if (rc == 0) {
        empty_staging(store);
        rc = drop_earlier_boot(store, err);
    }
    if (rc < 0) {
        package_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void package_store_close(struct package_store *store)
{
    if (!store)
        return;
    free(store->state);
    free(store->packages);
    free(store->staging);
    free(store);
}

const char *package_store_staging(const struct package_store *store)
{
    return store->staging;
}

char *package_store_path(const struct package_store *store, const char *digest)
{
    return xasprintf("%s/%s", store->packages, digest);
}

int package_store_commit(struct package_store *store, struct build_package *package, struct error *err)
{
    cleanup_free char *staged = steal(&package->staged);
    if (!staged)
        return error_set(err, "build", "not-staged", "the package %s is not staged", package->digest);
    cleanup_free char *path = package_store_path(store, package->digest);
    if (fs_is_dir(path)) {
        background_remove_tree(store->background, staged);
        return 0;
    }
    if (rename(staged, path) < 0) {
        int errnum = errno;
        background_remove_tree(store->background, staged);
        return error_errno(err, "build", errnum, "cannot move the package to %s", path);
    }
    return 0;
}

void package_store_discard(struct package_store *store, struct build_package *package)
{
    cleanup_free char *staged = steal(&package->staged);
    if (staged)
        background_remove_tree(store->background, staged);
}

int package_store_list(const struct package_store *store, char ***ret_digests, size_t *ret_count,
                       struct error *err)
{
    return state_dir_digests(store->packages, ret_digests, ret_count, err);
}

size_t package_store_collect(struct package_store *store, const char *const *in_use, size_t in_use_count)
{
    char **digests;
    size_t count, removed = 0;
    struct error err;
    if (package_store_list(store, &digests, &count, &err) < 0) {
        log_warning("build.collect_failed", LOG_ERR(&err));
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!state_dir_contains(in_use, in_use_count, digests[i])) {
            cleanup_free char *path = package_store_path(store, digests[i]);
            state_dir_remove(store->state, store->background, path);
            removed++;
        }
        free(digests[i]);
    }
    free(digests);
    if (removed > 0)
        log_debug("packages.removed", LOG_INT("count", removed));
    return removed;
}

int package_store_tar(const struct package_store *store, const char *digest, void **ret_data,
                      size_t *ret_size, struct error *err)
{
    cleanup_free char *path = package_store_path(store, digest);
    return tree_tar(path, PACKAGE_TAR_MAX, ret_data, ret_size, err);
}
