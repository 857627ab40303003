/* An exchange on a slot: sends the request and has the answer read as it comes. */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include "gateway/exchange.h"

/* Sends the request, whose body has been begun, on a slot that has just been acquired. */
void relay_start(struct exchange *exchange, struct slot *slot);

/* Moves what can be moved of the request's body. The exchange may be over afterwards. */
void relay_request(struct exchange *exchange);

#endif
