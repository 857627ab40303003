/* Docker's engine on this machine: an engine (engine.h) that mounts folders of this host into containers. */
#ifndef FLEET_ENGINE_DOCKER_ENGINE_H
#define FLEET_ENGINE_DOCKER_ENGINE_H

#include "fleet/engine/engine.h"

struct docker;
struct event_base;

/* The texts are borrowed for as long as the engine lives. */
struct docker_engine_options {
    struct docker *docker; /* outlives the engine */
    const char *owner_id; /* the label berth.host of everything that is ours */
    const char *network; /* the bridge network of instances, made when it is not there */
    const char *builder_network; /* the same of containers that install dependencies */
    const char *firewall_program; /* that makes rules for it; NULL: there are none */
    const char *run_dir; /* for that program's socket */
    const char *name_server; /* "ADDRESS:PORT", of names that an `egress` has; NULL: this host's */
    const char *world_dir; /* what every container has of this host; see world.h */
    const char *dependencies_dir; /* where installed dependencies are */
    unsigned parallel; /* starts at a time */
    unsigned spare_networks; /* made ahead; see docker_spares.h */
};

/* `hooks` are copied. */
struct engine *docker_engine_create(struct event_base *base, const struct docker_engine_options *options,
                                    const struct engine_hooks *hooks);

#endif
