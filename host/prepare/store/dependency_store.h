/*
 * Installed dependencies below the daemon's state directory:
 *
 *     dependencies/<name>/       one installed set, never changed once it is there. The folder as a whole is
 *                                mounted at /berth/dependencies in prewarmed instances, so it can be entered
 *                                and not listed, and who is not told a name does not find it
 *     dependencies-secret        what names are made with (dependency_names.h)
 *     dependencies-used/<key>    JSON {"bytes": N, "stamp": S, "asked": A}; its time is the set's last use
 *     staging/                   shared with package_store
 *
 * A set gets here by a rename after its content was synced to the disk. Its stamp (tree_stamp) tells later
 * whether anything of it was changed since, which costs a look at each file and reads none. Control thread
 * only.
 */
#ifndef PREPARE_STORE_DEPENDENCY_STORE_H
#define PREPARE_STORE_DEPENDENCY_STORE_H

#include "base/background.h"
#include "base/error.h"
#include "base/hash.h"
#include "prepare/process/build_result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dependency_store;

/* Opens or makes the store in `state_dir` (made absolute), which package_store_open has opened before.
 * `background` outlives it. Sets of an earlier version, whose names were their keys, get the names of today;
 * those whose names nobody can tell any more, because the secret was lost, are removed. */
int dependency_store_open(const char *state_dir, struct background *background,
                          struct dependency_store **ret_store, struct error *err);
void dependency_store_close(struct dependency_store *store);

/* What a set is stored under: a hash of the runtime's name, the dependencies' key, command and environment,
 * and the id of the image they are installed with. */
void dependency_store_key(const char *runtime, const struct build_dependencies *dependencies,
                          const char *image_id, char ret_key[HASH_HEX_SIZE]);

/* What was asked for, whatever image it is installed with: the same hash without an image. */
void dependency_store_asked(const char *runtime, const struct build_dependencies *dependencies,
                            char ret_asked[HASH_HEX_SIZE]);

/* For who only reads, with no store open: the absolute path of the set in `state_dir` that was used last
 * among those that were asked for so, or NULL when there is none or this user may not see it. The caller
 * frees it. Any thread. */
char *dependency_store_find(const char *state_dir, const char *asked);

/* Absolute path of dependencies/, to be mounted. Owned by the store. */
const char *dependency_store_dir(const struct dependency_store *store);

/* The name of a set in that folder, for its own function alone. */
void dependency_store_name(const struct dependency_store *store, const char *key,
                           char ret_name[HASH_HEX_SIZE]);

/* Absolute path of one set, whether it is there or not. The caller frees it. */
char *dependency_store_path(const struct dependency_store *store, const char *key);

bool dependency_store_has(const struct dependency_store *store, const char *key);

#define DEPENDENCY_TARGET "target" /* the set, in a staging directory */
#define DEPENDENCY_TMP    "tmp" /* what is dropped when it is done */

/* Makes a staging directory for a set, with two empty ones in it that belong to user `uid` and group `gid`.
 * The caller frees *ret_path and gives it to dependency_store_commit or _discard. */
int dependency_store_stage(struct dependency_store *store, unsigned uid, unsigned gid, char **ret_path,
                           struct error *err);
void dependency_store_discard(struct dependency_store *store, const char *staged);

typedef void dependency_done_fn(void *context, const struct error *err);

/* Syncs and measures a staged set in the background, then moves it to its place. `asked` is that of
 * dependency_store_asked(). `done` is called from the
 * event loop, `err` NULL on success; with a set of that key there already, the staged one is dropped, which
 * is a success. When the background thread is destroyed first, `done` is told "cancelled" and the staged one
 * is left for the next start to remove. */
void dependency_store_commit(struct dependency_store *store, const char *key, const char *asked,
                             const char *staged, dependency_done_fn *done, void *context);

/* Looks in the background whether a set is as it was stored. `err` ("changed", or of files): it is not, or
 * nobody knows. */
void dependency_store_check(struct dependency_store *store, const char *key, dependency_done_fn *done,
                            void *context);

/* Removes a set, at once for those who look for it. */
void dependency_store_drop(struct dependency_store *store, const char *key);

/* Notes that a set is used now. */
void dependency_store_touch(struct dependency_store *store, const char *key);

/* Removes sets that are not among `in_use` (sorted by state_dir_sort()), longest unused first, until all
 * together take at most `max_bytes`. The disk work is done in the background. The number of removed sets is
 * returned. */
size_t dependency_store_collect(struct dependency_store *store, uint64_t max_bytes, const char *const *in_use,
                                size_t in_use_count);

#endif
