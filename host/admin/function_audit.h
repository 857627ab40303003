/* What a function can reach, read, write and use, who can call it, and what stays of it. Control thread. */
#ifndef ADMIN_FUNCTION_AUDIT_H
#define ADMIN_FUNCTION_AUDIT_H

#include "fleet/fleet.h"

#include <jansson.h>

/* All of it, of the revision that serves; host/admin/openapi.json has the members. What a container is given
 * is the engine's own account of it. The caller owns it. */
json_t *function_audit_json(const struct fleet *fleet, const struct host_settings *host,
                            struct function *function);

#endif
