/*
 * How a daemon gives up its place to another one: it stops beginning requests, lets go of calls, instances
 * and files, sends the descriptors that are to outlive it, and passes its clients on as their answers are
 * through. Until the other one serves, the daemon can have its own program do so in that one's place.
 *
 *     WAITING (for the fleet to be at rest) ─► HOLDING ─► RELEASING ─► OFFERED ─► PASSING ─► the end
 *
 * Control thread, where nothing else is said.
 */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include "daemon_state.h"
#include "gateway/passed_client.h"

/* From now on others may ask for the daemon's place. A failure to listen is logged. */
void handover_open(struct daemon *daemon);

/* Listens anew when somebody has removed its socket. */
int handover_mend_socket(struct daemon *daemon, struct error *err);

/* Nobody may any more. */
void handover_close(struct daemon *daemon);

/* Hooks of the gateway: on a worker thread. */
void handover_on_held(void *context);
void handover_on_passed(void *context, struct passed_client *passed);

/* The gateway has no client left; the fleet has no instance; the daemon before has ended. */
void handover_look(struct daemon *daemon);

/* What the daemon before this one sends: on to the next. */
void handover_forward_client(struct daemon *daemon, struct passed_client *passed);
void handover_forward_request(struct daemon *daemon, const void *note, size_t size);

#endif
