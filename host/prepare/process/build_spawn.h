/* Starting a build job's child process, in a session of its own: which descriptors, environment and signals
 * it gets, and nothing else. */
#ifndef PREPARE_PROCESS_BUILD_SPAWN_H
#define PREPARE_PROCESS_BUILD_SPAWN_H

#include "base/error.h"

#include <sys/types.h>

/* A started child. The descriptors are close-on-exec and do not block; the caller closes them. */
struct build_spawn {
    pid_t pid; /* also the id of its session */
    int pidfd;
    int output; /* its standard output and error */
    int reply; /* its descriptor 3 */
};

/* `request` is JSON. */
int build_spawn(const char *program, const char *request, struct build_spawn *ret_spawn, struct error *err);

#endif
