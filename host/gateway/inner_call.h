/* A request that a function makes: who led to it, and whether it goes too far. */
#ifndef GATEWAY_INNER_CALL_H
#define GATEWAY_INNER_CALL_H

#include "gateway/exchange.h"

/* For a request that came in by a door, and whose route is known. -1: it goes too far, and the exchange has
 * failed. A request that is sent again is looked at once. */
int inner_call_begin(struct exchange *exchange);

/* Whether a request waits for a function that, as far as is known, waits for this very request. */
bool inner_call_waits_for_itself(const struct exchange *exchange);

#endif
