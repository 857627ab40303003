/*
 * The named volumes of functions: folders `<state>/volumes/<name>` that outlive everything that mounts them.
 * What is below them is the functions', and anything may be there. No other user of the machine gets past the
 * state directory, so the folders themselves are as open as containers of any user need them. Control thread.
 */
#ifndef PREPARE_STORE_VOLUME_STORE_H
#define PREPARE_STORE_VOLUME_STORE_H

#include "base/error.h"

#include <sys/types.h>

struct volume_store;

/* `state_dir` exists. */
int volume_store_open(const char *state_dir, struct volume_store **ret_store, struct error *err);

/* NULL is fine. */
void volume_store_close(struct volume_store *store);

/* Where the volume `name` is, or would be. The caller frees it. */
char *volume_store_path(const struct volume_store *store, const char *name);

/* Sees to it that the volume is there. One without content is given to this user, where this process may give
 * away files; with `uid` (uid_t)-1 it stays whose it is. */
int volume_store_ensure(struct volume_store *store, const char *name, uid_t uid, gid_t gid,
                        struct error *err);

#endif
