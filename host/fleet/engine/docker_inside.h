/* Inside of Docker's engine: what its files share. For docker_*.c, spare_holder.c and leftovers.c only. */
#ifndef FLEET_ENGINE_DOCKER_INSIDE_H
#define FLEET_ENGINE_DOCKER_INSIDE_H

#include "fleet/engine/docker_engine.h"

#include "docker/container.h"

#define LABEL_HOST        "berth.host" /* owner's id */
#define LABEL_RUNTIME     "berth.runtime" /* name of the runtime */
#define LABEL_INSTANCE    "berth.instance" /* instance id */
#define LABEL_NETWORK     "berth.network" /* id of the spare network that it holds or has joined */
#define LABEL_OF_FUNCTION "berth.label." /* in front of a function's own */

struct docker_engine {
    struct engine engine;
    struct docker_engine_options options;
    struct docker_watch *watch; /* NULL until it is wanted */
};

/* What an instance is on when that is not what its settings say alone. */
struct container_network {
    const char *name; /* as Docker calls it */
    const char *name_server; /* that is asked on it; NULL: those of the host */
    const char *spare; /* id of the spare network that it joins; NULL: it does not */
};

/* --- docker_container.c --- */

/* Hands on what Docker is to be asked for, the container of an instance; borrowed during the call. It is on
 * this network, or (NULL) on that which all share, or none, as its settings say. */
typedef void docker_container_use_fn(const struct docker_container *container, void *context);
void docker_container_make(const struct docker_engine *engine, const struct container_spec *spec,
                           const struct container_place *place, const struct container_network *network,
                           docker_container_use_fn *use, void *context);

/* Asks Docker to create it. */
struct docker_call *docker_container_of(const struct docker_engine *engine, const struct container_spec *spec,
                                        const struct container_place *place,
                                        const struct container_network *network, docker_id_fn *done,
                                        void *owner);

struct docker_limited;

/* docker_limited.c: the same for one that has an `egress`. Reports once, from the event loop, unless it is
 * cancelled.
 */
struct docker_limited *docker_limited_create(struct docker_engine *engine, const struct container_spec *spec,
                                             const struct container_place *place, docker_id_fn *done,
                                             void *owner);
void docker_limited_cancel(struct docker_limited *limited);

#endif
