/* The daemon's life: gateway, fleet and management API on one control thread, from start over reloads to the
 * drained end. */
#ifndef DAEMON_H
#define DAEMON_H

#include "base/descriptors.h"
#include "base/error.h"
#include "config/registry.h"
#include "locations.h"
#include "takeover/ask.h"

/* Runs until SIGTERM or SIGINT has drained everything. 0, or -1 when it could not start. `registry` stays
 * the caller's; its section `host` is what the daemon runs with. `given`, which it takes over, are
 * descriptors that others have opened for it; those that it has no use for are closed. `inheritance` is what
 * it has of the daemon whose place it takes, if any. */
int daemon_run(const char *config_path, const struct registry *registry, const struct locations *locations,
               struct descriptors *given, struct inheritance *inheritance, struct error *err);

#endif
