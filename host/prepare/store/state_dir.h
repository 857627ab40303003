/* The daemon's state directory, as far as packages and dependencies share it. Control thread only. */
#ifndef PREPARE_STORE_STATE_DIR_H
#define PREPARE_STORE_STATE_DIR_H

#include "base/background.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Makes the state directory, or takes the one that is there: closed to other users afterwards, while what is
 * in it is as open as containers that mount it need it. *ret_path is its absolute path, without symbolic
 * links, which the caller frees. Errors are those of private_dir_open(). */
int state_dir_open(const char *state_dir, char **ret_path, struct error *err);

/* Makes `<state>/<name>` with `mode`. The caller frees *ret_path. */
int state_dir_folder(const char *state, const char *name, unsigned mode, char **ret_path, struct error *err);

/* A name below `<state>/staging` that nothing has yet. The caller frees it. */
char *state_dir_stage(const char *state);

/* Moves `path` into staging, so that it is gone at once, and removes it in the background. */
void state_dir_remove(const char *state, struct background *background, const char *path);

/* The names in `folder` that are digests, sorted. The caller frees each and the array. */
int state_dir_digests(const char *folder, char ***ret_names, size_t *ret_count, struct error *err);

/* Sorts an array of pointers to texts, as state_dir_contains() wants it. */
void state_dir_sort(void *names, size_t count);

/* True when `name` is among `names`, which are sorted. */
bool state_dir_contains(const char *const *names, size_t count, const char *name);

#endif
