/*
 * The daemon whose place this one takes: it passes on its clients and tells of requests that end with it
 * until it has none left. Control thread.
 */
#ifndef DAEMON_PREDECESSOR_H
#define DAEMON_PREDECESSOR_H

#include "daemon_state.h"
#include "takeover/ask.h"

/* Begins to hear it, and leaves it what it keeps. What it is told by belongs to the daemon from now on. */
void predecessor_attach(struct daemon *daemon, struct inheritance *inheritance);

/* Tells it that this one lets clients in. Does nothing without one. */
void predecessor_tell_serving(struct daemon *daemon);

void predecessor_detach(struct daemon *daemon);

#endif
