/*
 * The world of a function: what every container of an instance has beside its image, whatever the runtime.
 * docs/runner-protocol.md has the table. The files are in <state dir>/world, made anew at each start of the
 * daemon, and are mounted read-only:
 *
 *     init             the first process (init/main.c), a static program that is part of this one
 *     passwd, group    /etc/passwd and /etc/group, so that the user of instances has a name
 */
#ifndef FLEET_ENGINE_WORLD_H
#define FLEET_ENGINE_WORLD_H

#include "base/error.h"
#include "prepare/image/runtime_image.h"

#define WORLD_UID          RUNTIME_IMAGE_UID
#define WORLD_GID          RUNTIME_IMAGE_GID
#define WORLD_USER         "berth"
#define WORLD_HOME         "/home/berth" /* a tmpfs */
#define WORLD_WORK         "/work" /* a tmpfs: the working directory of the function */
#define WORLD_INIT         "/berth/init"
#define WORLD_CODE         "/berth/code" /* the function's package */
#define WORLD_DEPENDENCIES "/berth/dependencies" /* the folders of installed dependencies */
#define WORLD_RUN          "/run/berth" /* what an instance has of its own: the way to the host, and the pipes */
#define WORLD_SECRETS      "/run/secrets" /* a file for each secret of the function */
#define WORLD_SECRETS_TOO  "/var/openfaas/secrets" /* the same, where functions from elsewhere look */
#define WORLD_ENVIRONMENT  "/berth/environment" /* what init adds to the runner's environment */

/* The pipes, in WORLD_RUN, that its output goes to. */
#define WORLD_STDOUT "stdout"
#define WORLD_STDERR "stderr"

/* Writes the files below `state_dir`, which exists. *ret_dir is their folder, which the caller frees. Any
 * thread. */
int world_make(const char *state_dir, char **ret_dir, struct error *err);

#endif
