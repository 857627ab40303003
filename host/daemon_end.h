/* How a daemon comes to its end: requests under way are finished, then the fleet is stopped, then those who
 * follow the events have heard of it. Control thread. */
#ifndef DAEMON_END_H
#define DAEMON_END_H

#include "base/mailbox.h"
#include "daemon_state.h"

#include <event2/util.h>

/* Begins it, once; when `drain_timeout` is over nothing is waited for any more. The loop ends with it. */
void daemon_drain(struct daemon *daemon);

/* What is told on the way: by the gateway (on a worker thread), its mail, the timer and the fleet. */
void daemon_on_gateway_drained(void *context);
void daemon_deliver_drained(struct mail *mail, void *owner);
void daemon_on_drain_limit(evutil_socket_t fd, short what, void *context);
void daemon_on_fleet_stopped(void *context);

#endif
