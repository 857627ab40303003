/*
 * The link of one instance whose container waits for connections: a web server that knows nothing of Berth.
 * The host connects to a port of the container's own address on Berth's network. Control thread.
 *
 * The server is tried at short intervals until it takes a connection, or, where there is a path to ask for,
 * until a GET of that is answered below 400. Nothing is loaded over it: the function is what the image has.
 * Connections for requests are made by who needs them (slot_group_add_rooms()), so this link gives none, only
 * the address.
 */
#ifndef FLEET_LINK_TCP_H
#define FLEET_LINK_TCP_H

#include "fleet/link/link.h"

#include <stdint.h>

/* Makes the directory `dir`, which is for the container's output. `ready_path` is copied; NULL: it is ready
 * when it takes a connection. */
int tcp_open(struct event_base *base, const char *dir, uint16_t port, const char *ready_path,
             const struct link_hooks *hooks, void *owner, struct link **ret_link, struct error *err);

#endif
