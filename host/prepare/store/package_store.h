/*
 * Packages and staging below the daemon's state directory:
 *
 *     packages/<digest>/   content of a package, never changed once it is there
 *     staging/             what is being made; emptied at start
 *
 * A package gets here by a rename, so it is there whole or not at all. Its files are not synced to the disk
 * one by one, which would cost more than building them, so a daemon trusts none but those that it has stored
 * itself and those of an earlier one that it has read and found to be what they are named after. Control
 * thread only.
 */
#ifndef PREPARE_STORE_PACKAGE_STORE_H
#define PREPARE_STORE_PACKAGE_STORE_H

#include "base/background.h"
#include "base/error.h"
#include "prepare/process/build_result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is copied for a prewarmed instance at most, so that it takes some milliseconds at most. */
#define PACKAGE_COPY_BYTES (4u << 20)
#define PACKAGE_COPY_FILES 500

struct package_store;

/* Opens or makes the store in `state_dir` (made absolute); leftovers are removed in the background.
 * `background` outlives it. */
int package_store_open(const char *state_dir, struct background *background, struct package_store **ret_store,
                       struct error *err);
void package_store_close(struct package_store *store);

/* Absolute path of staging/, for build_jobs_options. Owned by the store. */
const char *package_store_staging(const struct package_store *store);

/* Absolute path of packages/<digest>, whether it is there or not. The caller frees it. */
char *package_store_path(const struct package_store *store, const char *digest);

/* Takes the staged package into the store; package->staged is NULL afterwards, also on failure. When the
 * digest is there already, as it was stored, the staged copy is dropped; else it takes the other's place. */
int package_store_commit(struct package_store *store, struct build_package *package, struct error *err);

/* Whether the package is there as it was stored, in some microseconds for each file: "package-changed" when
 * not, and then nothing may be started from it; "out-of-resources" when nobody can tell. What root changes
 * while it is mounted in a container is not seen. */
int package_store_verify(const struct package_store *store, const char *digest, struct error *err);

struct adoption;

typedef void package_adopted_fn(void *context, bool intact);

/* Reads, in the background, a package that an earlier daemon may have left. `intact`: it is what its digest
 * says, and counts as stored from now on. `done` comes from the event loop, once, unless that is cancelled or
 * the background thread is destroyed before. */
struct adoption *package_store_adopt(struct package_store *store, const char *digest,
                                     package_adopted_fn *done, void *context);

/* Nobody is told. NULL is fine. */
void package_adoption_cancel(struct adoption *adoption);

/* Drops a staged package that will not be used; package->staged is NULL afterwards. */
void package_store_discard(struct package_store *store, struct build_package *package);

/* Removes the packages whose digest is not among `in_use` (sorted by state_dir_sort()), in the
 * background. The number of
 * them is returned. */
size_t package_store_collect(struct package_store *store, const char *const *in_use, size_t in_use_count);

/* Copies a package into the folder `to`, which is there and empty, some tens of microseconds for each file.
 */
int package_store_copy(const struct package_store *store, const char *digest, const char *to,
                       struct error *err);

#endif
