/*
 * How a daemon gives up its place to another one: it stops beginning requests, lets go of calls, instances
 * and files, and sends the descriptors that are to outlive it; daemon_departure.h is the rest. Until the
 * other one serves, the daemon can have its own program do so in that one's place.
 *
 *     WAITING (for deployments and calls) ─► HOLDING ─► RELEASING ─► OFFERED ─► PASSING ─► ENDING
 *
 * Control thread, where nothing else is said.
 */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include "daemon_state.h"

/* From now on others may ask for the daemon's place. A failure to listen is logged. */
void handover_open(struct daemon *daemon);

/* Listens anew when somebody has removed its socket. */
int handover_mend_socket(struct daemon *daemon, struct error *err);

/* Nobody may any more. */
void handover_close(struct daemon *daemon);

/* Hook of the gateway, with the daemon as the context: on a worker thread. */
void handover_on_held(void *context);

/* A signal that the daemon is sent: whether that has been seen to, because it gives up its place. What is
 * meant for whoever serves reaches that one. */
bool handover_take_signal(struct daemon *daemon, int number);

#endif
