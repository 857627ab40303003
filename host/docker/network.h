/* Bridge networks for containers. See docker.h for how calls, results and errors work. */
#ifndef DOCKER_NETWORK_H
#define DOCKER_NETWORK_H

#include "docker/docker.h"

struct docker_network {
    const char *name;
    const struct docker_pair *labels;
    size_t label_count;
};

typedef void docker_network_fn(void *owner, const struct error *err, const char *id);

/* Makes sure that a network of that name exists, on which containers cannot talk to each other; an existing
 * one is taken as it is. */
struct docker_call *docker_network_ensure(struct docker *docker, const struct docker_network *network,
                                          docker_network_fn *done, void *owner);

/* "docker-request": a container is still on it. */
struct docker_call *docker_network_remove(struct docker *docker, const char *id, docker_done_fn *done,
                                          void *owner);

struct docker_network_listing {
    const char *id;
    const char *name;
    const char *gateway; /* the engine's host on it, the first address of several; "": it has none */
    const struct docker_labels *labels;
    const char *interface; /* the bridge of the engine's host that is the network's; "": it has none */
};

typedef void docker_networks_fn(void *owner, const struct error *err,
                                const struct docker_network_listing *entries, size_t count);

/* Lists every network. */
struct docker_call *docker_network_list(struct docker *docker, docker_networks_fn *done, void *owner);

#endif
