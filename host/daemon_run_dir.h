/*
 * The run directory may be removed while the daemon runs: by whoever clears up old files, or by the system
 * when the user whose it is logs out. What the daemon itself needs of it does not depend on its paths; what
 * others need to find it is made anew. Control thread.
 */
#ifndef DAEMON_RUN_DIR_H
#define DAEMON_RUN_DIR_H

#include "daemon_state.h"

/* After the daemon's parts have been made. */
void run_dir_watch_begin(struct daemon *daemon);

/* Also before it has begun. */
void run_dir_watch_end(struct daemon *daemon);

#endif
