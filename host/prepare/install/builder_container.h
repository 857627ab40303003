/* What container a builder is. Control thread only. */
#ifndef PREPARE_INSTALL_BUILDER_CONTAINER_H
#define PREPARE_INSTALL_BUILDER_CONTAINER_H

#include "docker/container.h"
#include "prepare/install/builder.h"

/* Who the command runs as: the daemon's own user where that is not root, which could not remove what another
 * one wrote. */
unsigned builder_uid(void);
unsigned builder_gid(void);

/* Writes the command's variables into the staged folder, as a file for the shell that only the container's
 * user can read. `ca` is this machine's file of certificate authorities, or NULL. */
int builder_write_environment(const struct builder_spec *spec, const char *ca, struct error *err);

/* Has the engine create it. */
struct docker_call *builder_create_container(const struct builder_spec *spec, const char *ca,
                                             docker_id_fn *created, void *owner);

#endif
