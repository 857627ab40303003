/* What happens to an exchange whose deadline has passed (deadline.h), and to clients that are too slow. */
#ifndef GATEWAY_OVERDUE_H
#define GATEWAY_OVERDUE_H

#include "gateway/exchange.h"

/* The deadline of the exchange's client has passed. The exchange may be over afterwards. */
void overdue(struct exchange *exchange, uint64_t now_ms);

/* Memory is short: ends the exchange when its client is waited for and has moved less than the least rate for
 * about a second. False: it is not waited for, not for long enough, or fast enough; then a new measurement
 * begins. For struct backlogs. */
bool overdue_give_way(struct backlog *backlog, uint64_t now_ms);

#endif
