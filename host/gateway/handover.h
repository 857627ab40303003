/*
 * Connections of the management port that ask for a function: whoever accepted one hands it over to a worker,
 * with all that has come still unread. It is answered once and closed, for what comes next may be for the
 * management API again.
 */
#ifndef GATEWAY_HANDOVER_H
#define GATEWAY_HANDOVER_H

#include "gateway/exchange.h"

#include <sys/socket.h>

struct worker;

/* `fd`, which is non-blocking, is the worker's from now on. `checked`: a web page in a browser may have sent
 * the request. Control thread. */
void handover_post(struct worker *worker, int fd, const struct sockaddr_storage *address, bool checked);

/* Whether such a request may be answered. -1: no, and the exchange has failed. */
int handover_check(struct exchange *exchange);

#endif
