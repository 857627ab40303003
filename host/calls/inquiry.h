/* What has become of a call: asked for at the desk, by its id. And calls that are not to be done after all.
 */
#ifndef CALLS_INQUIRY_H
#define CALLS_INQUIRY_H

#include "calls/calls_env.h"
#include "calls/deliveries.h"
#include "calls/desk_server.h"

/* Answers a request to look at a call, to have its result or to cancel it. */
void inquiry_begin(struct calls_env *env, struct deliveries *deliveries, struct desk_request *request);

#endif
