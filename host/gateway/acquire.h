/* How an exchange gets a slot: by its function's route, from the pool's stack or through its queue. */
#ifndef GATEWAY_ACQUIRE_H
#define GATEWAY_ACQUIRE_H

#include "gateway/exchange.h"

/* The pool of the function that is asked for, whose limits hold from here on, or that of the desk, if the
 * function is there and serves. NULL: there is none, which has been answered. Valid until the next call. */
struct slot_pool *acquire_pool(struct exchange *exchange);

/* Takes a slot of the pool and sends the request, whose body has been begun, with as much of the body as
 * there is, or joins the queue. The exchange may be over afterwards. */
void acquire_slot(struct exchange *exchange, struct slot_pool *pool);

/* The exchange has waited long enough: leaves the queue and answers with an error. */
void acquire_give_up(struct exchange *exchange);

#endif
