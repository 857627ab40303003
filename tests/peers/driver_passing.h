/* Clients on their way from one gateway_driver to another. */
#ifndef DRIVER_PASSING_H
#define DRIVER_PASSING_H

#include "gateway/gateway.h"

/* Takes those that come over the unix socket at `path` into the gateway, on a thread of its own. Returns once
 * it listens; -1: it cannot. */
int driver_take_clients(const char *path, struct gateway *gateway);

/* Connects to such a path. And: for gateway_hooks.passed, sends it there. */
int driver_find_next(const char *path);
void driver_pass_client(void *context, struct passed_client *passed);

#endif
