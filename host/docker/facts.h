/* What an engine can do. See docker.h for how calls, results and errors work. */
#ifndef DOCKER_FACTS_H
#define DOCKER_FACTS_H

#include "docker/docker.h"

struct docker_facts {
    char **runtimes; /* the names that containers can be run with ("runc"), ended by NULL */
    bool has_seccomp; /* it can be given a profile; else it refuses one */
    bool remaps_users; /* users of containers are others on this host (userns-remap) */
    bool is_rootless; /* it runs as a user who is not root */
};

typedef void docker_facts_fn(void *owner, const struct error *err, const struct docker_facts *facts);

/* From then on an engine without seccomp is given no profile, and one that remaps users is told to leave our
 * containers out: what they are given of this host belongs to the very users that they run as. */
struct docker_call *docker_facts_ask(struct docker *docker, docker_facts_fn *done, void *owner);

#endif
