/* The daemon's life: gateway, fleet and management API on one control thread, from start over reloads to the
 * drained end. */
#ifndef DAEMON_H
#define DAEMON_H

#include "base/error.h"
#include "config/registry.h"
#include "locations.h"

/* Runs until SIGTERM or SIGINT has drained everything. 0, or -1 when it could not start. `host` stays the
 * caller's. */
int daemon_run(const char *config_path, const struct host_settings *host, const struct locations *locations,
               struct error *err);

#endif
