/*
 * What instances are given in memory: a folder of each below one that is closed to everybody else and on no
 * disk. Containers mount it read-only, so that secrets are among their files although they are in no package,
 * layer or volume. Control thread.
 *
 *     <memory dir>/<instance>/secrets/<name>   a file for each secret that the function lists
 *     <memory dir>/<instance>/environment      those that are variables, for servers that ask for no
 * settings: NAME=value and a NUL, each, which init puts into its environment
 */
#ifndef FLEET_INSTANCE_INSTANCE_MEMORY_H
#define FLEET_INSTANCE_INSTANCE_MEMORY_H

#include "base/error.h"
#include "base/locked.h"
#include "config/registry.h"
#include "fleet/engine/container_user.h"

#include <stdbool.h>

struct secret_store;

/* Makes the folder for all: in the run directory, whose real name is given, where that is in memory, else in
 * /dev/shm, and forgets what a predecessor has left there, but for the instances that `is_left` names. -1:
 * this host has neither, or somebody has put something else in its place. The caller frees *ret_dir. */
int instance_memory_open(const char *run_dir, const char *owner_id,
                         bool (*is_left)(const void *context, const char *instance), const void *context,
                         char **ret_dir, struct error *err);

/* Removes it with all that is in it, unless that `stays` for the next daemon, and frees its name. NULL is
 * fine. */
void instance_memory_close(char *dir, bool stays);

/* Makes that of one instance, with an empty folder of secrets that `user` can read. The caller frees
 * *ret_secrets_dir. */
int instance_memory_make(const char *dir, const char *instance, const struct container_user *user,
                         char **ret_secrets_dir, struct error *err);

/* Writes the secrets that are files. "secret-missing": one cannot be had, be it a file or a variable. */
int instance_memory_fill(const char *secrets_dir, const struct container_user *user,
                         const struct secret_use *secrets, size_t count, const struct secret_store *store,
                         struct error *err);

/* Writes the file `environment`. The caller frees *ret_path. */
int instance_memory_write_environment(const char *dir, const char *instance,
                                      const struct container_user *user, const struct locked *entries,
                                      char **ret_path, struct error *err);

/* Removes that of one instance. */
void instance_memory_remove(const char *dir, const char *instance);

/* The value of one secret for an instance: as secret_store_reveal(), with "secret-missing" for whatever goes
 * wrong. */
int instance_memory_reveal(const struct secret_store *store, const struct secret_use *secret,
                           struct locked *ret_value, struct error *err);

#endif
