/* An exchange whose runner has gone without a whole answer: what became of the instance is found out in a
 * moment, and the client is told that instead of a closed connection. Worker's thread. */
#ifndef GATEWAY_LOST_H
#define GATEWAY_LOST_H

#include "gateway/exchange.h"

/* Gives the slot up and answers 502: at once when nobody can tell the cause, else when it is known or has
 * been waited for long enough. `how` is static: the sentence for when there is no cause. */
void lost_begin(struct exchange *exchange, const char *how);

/* The exchange's deadline has passed: looks for the cause. */
void lost_look(struct exchange *exchange, uint64_t now_ms);

#endif
