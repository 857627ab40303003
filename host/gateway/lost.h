/* An exchange whose runner has gone without a whole answer: what became of the instance is found out in a
 * moment. What the function did itself, the client is told; what was done to the instance from outside costs
 * a request that may be sent twice nothing but time. Worker's thread. */
#ifndef GATEWAY_LOST_H
#define GATEWAY_LOST_H

#include "gateway/exchange.h"

/* The connection died before one byte of an answer. The request goes to another slot when the runner cannot
 * have acted on it; else it depends on why. */
void lost_unanswered(struct exchange *exchange);

/* The connection died within the answer, none of which the client has. */
void lost_in_answer(struct exchange *exchange);

/* The exchange's deadline has passed: looks for the cause. */
void lost_look(struct exchange *exchange, uint64_t now_ms);

/* The same of one whose server took no connection: tries again, or has tried for long enough. */
void lost_reach_again(struct exchange *exchange, uint64_t now_ms);

#endif
