#include "prepare/store/package_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/table.h"
#include "prepare/store/state_dir.h"
#include "prepare/store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was stored, and its stamp (tree_stamp) then. */
struct stored {
    char digest[HASH_HEX_SIZE], stamp[HASH_HEX_SIZE];
    UT_hash_handle hh;
};

struct package_store {
    char *state, *packages, *staging;
    struct background *background;
    struct stored *stored;
};

static struct stored *find_stored(const struct package_store *store, const char *digest)
{
    struct stored *stored;
    HASH_FIND_STR(store->stored, digest, stored);
    return stored;
}

static void forget(struct package_store *store, const char *digest)
{
    struct stored *stored = store->stored ? find_stored(store, digest) : NULL;
    if (!stored)
        return;
    HASH_DEL(store->stored, stored);
    free(stored);
}

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
    if (rc < 0) {
        package_store_close(store);
        return -1;
    }
    empty_staging(store);
    *ret_store = store;
    return 0;
}

void package_store_close(struct package_store *store)
{
    if (!store)
        return;
    struct stored *stored = store->stored;
    HASH_CLEAR(hh, store->stored);
    for (struct stored *next; stored; stored = next) {
        next = stored->hh.next;
        free(stored);
    }
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

/* Puts the staged package into its place, and what may be there aside. */
static int move_in(struct package_store *store, const char *staged, const char *digest, struct error *err)
{
    cleanup_free char *path = package_store_path(store, digest);
    struct stored *stored = xcalloc(1, sizeof(*stored));
    snprintf(stored->digest, sizeof(stored->digest), "%s", digest);
    if (tree_stamp(staged, stored->stamp, NULL, err) < 0) {
        free(stored);
        return -1;
    }
    state_dir_remove(store->state, store->background, path);
    if (rename(staged, path) < 0) {
        free(stored);
        return error_errno(err, COMPONENT_BUILD, errno, "cannot move the package to %s", path);
    }
    forget(store, digest);
    HASH_ADD_STR(store->stored, digest, stored);
    return 0;
}

int package_store_commit(struct package_store *store, struct build_package *package, struct error *err)
{
    cleanup_free char *staged = steal(&package->staged);
    if (!staged)
        return error_set(err, ERROR_NOT_STAGED, "the package %s is not staged", package->digest);
    int rc = 0;
    if (package_store_verify(store, package->digest, NULL) < 0)
        rc = move_in(store, staged, package->digest, err);
    if (fs_exists(staged))
        background_remove_tree(store->background, staged);
    return rc;
}

int package_store_verify(const struct package_store *store, const char *digest, struct error *err)
{
    const struct stored *stored = find_stored(store, digest);
    cleanup_free char *path = package_store_path(store, digest);
    char stamp[HASH_HEX_SIZE];
    struct error reading = {.message = "it is none of this daemon's"};
    if (stored && tree_stamp(path, stamp, NULL, &reading) == 0) {
        if (strcmp(stamp, stored->stamp) == 0)
            return 0;
        snprintf(reading.message, sizeof(reading.message), "it is not what it was");
    } else if (reading.code == ERROR_OUT_OF_RESOURCES) {
        return error_set_in(err, COMPONENT_BUILD, reading.code, "the stored package cannot be looked at: %s",
                            reading.message);
    }
    error_set(err, ERROR_PACKAGE_CHANGED, "the stored package was changed on the disk after it was made: %s",
              reading.message);
    return error_hint(err, "it is made anew from the function's files; leave the state directory alone");
}

/* --- packages of an earlier daemon --- */

struct adoption {
    struct package_store *store;
    struct stored *stored; /* of what is looked for */
    char *path;
    package_adopted_fn *done; /* NULL: cancelled */
    void *context;
    int rc;
};

/* What the digest does not say: whose it is, and who may write to it. */
static int check_owner(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)context;
    const struct stat *status = entry->status;
    mode_t mode = status->st_mode & 07777;
    if (status->st_uid == geteuid() && status->st_gid == getegid() && (mode == 0755 || mode == 0644))
        return 0;
    return error_set(err, ERROR_PACKAGE_CHANGED, "the owner or the mode of %s is not what it was",
                     entry->path);
}

static void look_at_package(void *context)
{
    struct adoption *adoption = context;
    struct stored *stored = adoption->stored;
    char digest[HASH_HEX_SIZE];
    struct error err;
    adoption->rc = tree_stamp(adoption->path, stored->stamp, NULL, &err);
    if (adoption->rc == 0)
        adoption->rc = tree_walk(adoption->path, check_owner, NULL, &err);
    if (adoption->rc == 0)
        adoption->rc = tree_digest(adoption->path, digest, NULL, &err);
    if (adoption->rc == 0 && strcmp(digest, stored->digest) != 0)
        adoption->rc = -1;
}

/* One that this daemon has stored must be as it was then, its times included. */
static bool take_in(struct package_store *store, struct adoption *adoption)
{
    struct stored *found = adoption->stored, *known = find_stored(store, found->digest);
    if (known)
        return strcmp(known->stamp, found->stamp) == 0;
    adoption->stored = NULL;
    HASH_ADD_STR(store->stored, digest, found);
    return true;
}

static void on_looked(void *context, bool ran)
{
    struct adoption *adoption = context;
    if (ran && adoption->done)
        adoption->done(adoption->context, adoption->rc == 0 && take_in(adoption->store, adoption));
    free(adoption->stored);
    free(adoption->path);
    free(adoption);
}

struct adoption *package_store_adopt(struct package_store *store, const char *digest,
                                     package_adopted_fn *done, void *context)
{
    struct adoption *adoption = xcalloc(1, sizeof(*adoption));
    *adoption = (struct adoption){.store = store, .done = done, .context = context};
    adoption->stored = xcalloc(1, sizeof(*adoption->stored));
    snprintf(adoption->stored->digest, sizeof(adoption->stored->digest), "%s", digest);
    adoption->path = package_store_path(store, digest);
    background_run(store->background, look_at_package, on_looked, adoption);
    return adoption;
}

void package_adoption_cancel(struct adoption *adoption)
{
    if (adoption)
        adoption->done = NULL;
}

void package_store_discard(struct package_store *store, struct build_package *package)
{
    cleanup_free char *staged = steal(&package->staged);
    if (staged)
        background_remove_tree(store->background, staged);
}

size_t package_store_collect(struct package_store *store, const char *const *in_use, size_t in_use_count)
{
    char **digests;
    size_t count, removed = 0;
    struct error err;
    if (state_dir_digests(store->packages, &digests, &count, &err) < 0) {
        log_warning("build.collect_failed", LOG_ERR(&err));
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!state_dir_contains(in_use, in_use_count, digests[i])) {
            cleanup_free char *path = package_store_path(store, digests[i]);
            state_dir_remove(store->state, store->background, path);
            forget(store, digests[i]);
            removed++;
        }
        free(digests[i]);
    }
    free(digests);
    if (removed > 0)
        log_debug("packages.removed", LOG_INT("count", removed));
    return removed;
}

int package_store_copy(const struct package_store *store, const char *digest, const char *to,
                       struct error *err)
{
    cleanup_free char *path = package_store_path(store, digest);
    return tree_copy(path, to, err);
}
