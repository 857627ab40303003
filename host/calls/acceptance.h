/* A call is accepted: it is answered with 202 once it is on the disk, or at once with why it is not. */
#ifndef CALLS_ACCEPTANCE_H
#define CALLS_ACCEPTANCE_H

#include "calls/calls_env.h"
#include "calls/deliveries.h"
#include "calls/desk_server.h"

/* Whether it may be, as far as that is known: with `more` bytes of a body about to come, or with 0 when only
 * the head has. -1: why not. */
int acceptance_check(const struct calls_env *env, const struct desk_request *request, uint64_t more,
                     struct error *err);

/* Accepts a whole request, and answers it. */
void acceptance_begin(struct calls_env *env, struct deliveries *deliveries, struct desk_request *request);

#endif
