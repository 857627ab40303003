/* Requests of clients become exchanges: which event of a client means which step in which state. */
#ifndef GATEWAY_SERVE_H
#define GATEWAY_SERVE_H

#include "gateway/client.h"

/* For clients whose `context` is the worker's struct exchanges. */
extern const struct client_handler serve_handler;

#endif
