/* Bridge networks for containers. See docker.h for how calls, results and errors work. */
#ifndef DOCKER_NETWORK_H
#define DOCKER_NETWORK_H

#include "docker/docker.h"

struct docker_network {
    const char *name;
    const struct docker_pair *labels;
    size_t label_count;
    bool inter_container; /* containers on it may talk to each other */
    bool internal; /* no way out of the machine */
};

typedef void docker_network_fn(void *owner, const struct error *err, const char *id);

/* "conflict" when the name is taken. */
struct docker_call *docker_network_create(struct docker *docker, const struct docker_network *network,
                                          docker_network_fn *done, void *owner);

/* Makes sure that a network of that name exists; an existing one is taken as it is. */
struct docker_call *docker_network_ensure(struct docker *docker, const struct docker_network *network,
                                          docker_network_fn *done, void *owner);

/* The id of a network; "not-found" when there is none. */
struct docker_call *docker_network_inspect(struct docker *docker, const char *name, docker_network_fn *done,
                                           void *owner);

/* "docker-request" (403) while containers are on it. */
struct docker_call *docker_network_remove(struct docker *docker, const char *name, docker_done_fn *done,
                                          void *owner);

#endif
