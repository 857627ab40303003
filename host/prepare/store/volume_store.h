/*
 * The named volumes of functions: folders `<state>/volumes/<name>` that outlive everything that mounts them.
 * What is below them is the functions', and anything may be there. No other user of the machine gets past the
 * state directory, so the folders themselves are as open as containers of any user need them. Control thread,
 * but for what says otherwise.
 */
#ifndef PREPARE_STORE_VOLUME_STORE_H
#define PREPARE_STORE_VOLUME_STORE_H

#include "base/background.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct volume_store;

struct volume_owner {
    uid_t uid;
    gid_t gid;
};

/* `state_dir` exists. */
int volume_store_open(const char *state_dir, struct background *background, struct volume_store **ret_store,
                      struct error *err);

/* NULL is fine. */
void volume_store_close(struct volume_store *store);

/* Where the volume `name` is, or would be. The caller frees it. */
char *volume_store_path(const struct volume_store *store, const char *name);

/* A name that nothing has yet, beside the volumes. The caller frees it. */
char *volume_store_stage(const struct volume_store *store);

bool volume_store_has(const struct volume_store *store, const char *name);

/* Sees to it that the volume is there. One without content is given to this user, where this process may give
 * away files; with `uid` (uid_t)-1 it stays whose it is. */
int volume_store_ensure(struct volume_store *store, const char *name, uid_t uid, gid_t gid,
                        struct error *err);

/* The names of those that there are, sorted. The caller frees each and the array. */
int volume_store_list(const struct volume_store *store, char ***ret_names, size_t *ret_count,
                      struct error *err);

/* Takes it away at once, and its content in the background. "not-found" */
int volume_store_remove(struct volume_store *store, const char *name, struct error *err);

/* -1: it has content, and is not to be replaced. "volume-not-empty" */
int volume_store_check_free(const struct volume_store *store, const char *name, bool replaces,
                            struct error *err);

/* Makes the folder `stage`, of volume_store_stage(), the volume, in the place of one without content, or with
 * `replaces` of any. Who has the former one mounted keeps it. */
int volume_store_place(struct volume_store *store, const char *name, const char *stage,
                       const struct volume_owner *owner, bool replaces, struct error *err);

/* Removes what was staged, in the background. */
void volume_store_discard(struct volume_store *store, const char *stage);

#endif
