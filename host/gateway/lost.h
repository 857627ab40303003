/* An exchange whose runner has gone without a whole answer: what became of the instance is found out in a
 * moment. What the function did itself, the client is told; what was done to the instance from outside costs
 * a request that may be sent twice nothing but time. Worker's thread. */
#ifndef GATEWAY_LOST_H
#define GATEWAY_LOST_H

#include "gateway/exchange.h"

/* Gives the slot up, finds the cause, and then answers 502 or, when `may_repeat` and the loss came from
 * outside, sends the request to another slot. At once when nobody can tell the cause, else when it is known
 * or has been waited for long enough; a cause that nobody tells is taken to be outside. `how` is static: the
 * sentence for when there is no cause. */
void lost_begin(struct exchange *exchange, const char *how, bool may_repeat);

/* The exchange's deadline has passed: looks for the cause. */
void lost_look(struct exchange *exchange, uint64_t now_ms);

#endif
