/*
 * The sockets that listen, and the service manager: it is asked to keep those that the daemon opens, so that
 * clients wait while none runs, and it has passed those that an earlier one opened, or its own. Control
 * thread.
 */
#ifndef DAEMON_LISTENERS_H
#define DAEMON_LISTENERS_H

#include "daemon_state.h"

/* Has the manager keep those that the daemon has opened itself, and closes, saying so, what it was given and
 * had no use for. Before it listens. */
void daemon_keep_listeners(struct daemon *daemon);

/* The unix socket of the management API is another one now. */
void daemon_keep_local_listener(const struct daemon *daemon);

/* The daemon is about to end. Unless they `stay`, for the next start, the manager closes what it keeps:
 * whoever comes now is refused. */
void daemon_end_listeners(struct daemon *daemon, bool stay);

#endif
