/* The way of an answer from the runner to the client: its head, its body, or a tunnel. */
#ifndef GATEWAY_RESPONSE_H
#define GATEWAY_RESPONSE_H

#include "gateway/exchange.h"

/* Receives the head, and relays what comes with it. The exchange may be over afterwards. */
void response_read(struct exchange *exchange);

/* Moves what can be moved of the body. The exchange may be over afterwards. */
void response_relay(struct exchange *exchange);

#endif
