/* Volumes of a function, got ready for a container that is about to mount them. */
#ifndef FLEET_INSTANCE_INSTANCE_MOUNTS_H
#define FLEET_INSTANCE_INSTANCE_MOUNTS_H

#include "fleet/engine/container_spec.h"
#include "fleet/fleet_env.h"

/* Makes the named volumes of `spec`, a copy of the caller's, that are not there, and says where they are.
 * Folders of this machine must still be what the registry's reader found: no links, and allowed. Control
 * thread. */
int instance_mounts_prepare(const struct fleet_env *env, struct container_spec *spec, struct error *err);

/* Only says where the named volumes of such a copy are, or would be. */
void instance_mounts_locate(const struct fleet_env *env, struct container_spec *spec);

#endif
