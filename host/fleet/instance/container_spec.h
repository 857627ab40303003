/* What the container of an instance looks like to Docker: image, mounts, limits, and how it is locked down.
 */
#ifndef FLEET_INSTANCE_CONTAINER_SPEC_H
#define FLEET_INSTANCE_CONTAINER_SPEC_H

#include "docker/container.h"
#include "fleet/fleet_env.h"
#include "fleet/instance/instance.h"

/* Between SIGTERM and SIGKILL: a moment for the handler's clean-up. */
#define CONTAINER_STOP_S 3

/* An owned copy of an instance_spec. */
struct container_spec {
    char *runtime, *image, *code_dir;
    char **command, **environment;
    uint64_t memory_bytes, tmp_bytes, shm_bytes;
    double cpus;
    enum network_mode network;
};

void container_spec_init(struct container_spec *spec, const struct instance_spec *from);
void container_spec_clear(struct container_spec *spec);

/* berth-<function>-<instance>, or berth.<runtime>.<instance> without a function. The caller frees it. */
char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance);

/* What is one container's own. */
struct container_place {
    const char *function; /* NULL: none yet */
    const char *instance;
    const char *dial_dir, *code_dir; /* absolute, on this host; mounted read-only */
};

/* Asks Docker to create the container. */
struct docker_call *container_spec_create(const struct fleet_env *env, const struct container_spec *spec,
                                          const struct container_place *place, docker_id_fn *done,
                                          void *owner);

#endif
