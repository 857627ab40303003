/*
 * The revisions of each function that have served, below the daemon's state directory:
 *
 *     revisions/<function>/<digest>    one revision (revision_record.h), never changed once it is there
 *     revisions/<function>/index       which there are, since when, and how they did (revision_index.h)
 *
 * all of them sealed (sealed_file.h). A damaged record is none; without its index a function has the records
 * in the order of their making. Control thread only.
 */
#ifndef PREPARE_STORE_REVISION_STORE_H
#define PREPARE_STORE_REVISION_STORE_H

#include "base/background.h"
#include "base/error.h"
#include "prepare/store/revision_index.h"
#include "prepare/store/revision_record.h"

#include <stdbool.h>
#include <stddef.h>

struct revision_store;

/* Opens or makes the store in `state_dir`, which package_store_open has opened before. `background` outlives
 * it. */
int revision_store_open(const char *state_dir, struct background *background,
                        struct revision_store **ret_store, struct error *err);
void revision_store_close(struct revision_store *store);

/* The names of the functions of which something is kept. The caller frees it with texts_free(). */
char **revision_store_functions(const struct revision_store *store);

/* What is kept of a function, newest first; false: nothing. What is damaged is logged and left out. The
 * caller clears *ret_index. */
bool revision_store_load(const struct revision_store *store, const char *function,
                         struct revision_index *ret_index);

/* Writes the index, in the background. */
void revision_store_save(struct revision_store *store, const char *function,
                         const struct revision_index *index);

/* The settings that applied at once when the index was written, or NULL. The caller owns it. */
json_t *revision_store_applied(const struct revision_store *store, const char *function);

/* Reads one revision. The caller clears *ret_record. Any thread. */
int revision_store_read(const struct revision_store *store, const char *function, const char *digest,
                        struct revision_record *ret_record, struct error *err);

/* Writes one in the background, with the list of the files of its package at `package` that the function's
 * `folder` has too. Everything is copied. False: it is not to be kept, because how it is started has a
 * password in a URL. */
bool revision_store_put(struct revision_store *store, const char *function,
                        const struct revision_record *record, const char *package, const char *folder);

/* Removes one, after what is still to be written. */
void revision_store_drop(struct revision_store *store, const char *function, const char *digest);

/* Removes all that is kept of the functions for which `is_wanted` says no. */
void revision_store_collect(struct revision_store *store,
                            bool (*is_wanted)(const void *context, const char *function),
                            const void *context);

#endif
