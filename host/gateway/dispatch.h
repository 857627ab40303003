/* What a request asks for: its head is read, its target and its function are found, its way begins. */
#ifndef GATEWAY_DISPATCH_H
#define GATEWAY_DISPATCH_H

#include "gateway/exchange.h"

/* The state is EXCHANGE_READ_HEAD, and there are bytes in client->in or to be received. The exchange may be
 * over afterwards. */
void dispatch_read(struct exchange *exchange);

/* The head is complete, and its target names a function: receives the body or takes a slot. */
void dispatch_to_function(struct exchange *exchange);

/* The head did not come in time. */
void dispatch_give_up(struct exchange *exchange);

#endif
