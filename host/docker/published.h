/* Which ports of its host the engine has given to containers. See docker.h for how calls, results and errors
 * work. */
#ifndef DOCKER_PUBLISHED_H
#define DOCKER_PUBLISHED_H

#include "docker/docker.h"

struct docker_published {
    const char *address; /* of the host, or "" */
    unsigned port; /* of the host */
    const char *protocol; /* "tcp", "udp", "sctp" */
};

typedef void docker_published_fn(void *owner, const struct error *err, const struct docker_published *ports,
                                 size_t count);

/* Those of all containers that run. */
struct docker_call *docker_published_list(struct docker *docker, docker_published_fn *done, void *owner);

#endif
