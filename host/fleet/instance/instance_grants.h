/* What an instance would have, without making one. Control thread. */
#ifndef FLEET_INSTANCE_INSTANCE_GRANTS_H
#define FLEET_INSTANCE_INSTANCE_GRANTS_H

#include "config/registry.h"
#include "fleet/engine/container_spec.h"
#include "fleet/fleet_env.h"

#include <jansson.h>

/* What the container of an instance of this spec is given, with these secrets: as engine_grants() has it,
 * with INSTANCE_GRANTS_NAME where an instance's name stands. A mount that is a named volume has that, too:
 * "volume". NULL: the engine cannot tell. The caller owns it. */
json_t *instance_grants(const struct fleet_env *env, const struct container_spec *spec,
                        const struct secret_use *secrets, size_t secret_count);

#define INSTANCE_GRANTS_NAME "<instance>"

#endif
