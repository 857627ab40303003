/* berthd --check: every mistake in the registry and in the functions' files, without building or starting
 * anything. */
#ifndef CHECK_H
#define CHECK_H

#include "base/error.h"
#include "config/registry.h"
#include "locations.h"

#include <stdbool.h>

enum check_outcome { CHECK_CLEAN = 0, CHECK_FAILED = 1, CHECK_ERRORS = 2 }; /* exit statuses */

/* Prepares every function as a deployment does, within the limits of `host`, and throws the packages away.
 * Dependencies are looked at where the state directory has them and this user may read it.
 * Prints findings to standard error, or with `json` as one array to standard output. */
enum check_outcome check_run(const char *config_path, const struct host_settings *host,
                             const struct locations *locations, bool json);

#endif
