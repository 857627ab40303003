/* Makes what a daemon consists of, and undoes it. Control thread. */
#ifndef DAEMON_PARTS_H
#define DAEMON_PARTS_H

#include "base/error.h"
#include "daemon_state.h"
#include "locations.h"

/* daemon_clear_parts() undoes what has been made, also after a failure. */
int daemon_create_parts(struct daemon *daemon, const char *config_path, const struct locations *locations,
                        struct error *err);
void daemon_clear_parts(struct daemon *daemon);

#endif
