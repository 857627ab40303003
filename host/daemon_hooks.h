/* What gateway and fleet tell the daemon, and what it does then. */
#ifndef DAEMON_HOOKS_H
#define DAEMON_HOOKS_H

#include "daemon_state.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"

struct gateway_hooks daemon_gateway_hooks(struct daemon *daemon);
struct fleet_hooks daemon_fleet_hooks(struct daemon *daemon);

#endif
