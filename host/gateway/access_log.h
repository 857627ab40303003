/*
 * What the log says of a request: its end at level debug, and whatever ended in an error at level info, so
 * that the id that a user was shown is always found.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "base/error.h"
#include "gateway/exchange.h"

/* The request has been answered. Costly: ask log_enabled(LOG_DEBUG) first. */
void access_log_request(const struct exchange *exchange);

/* The gateway is about to answer with `error` and exchange->status. */
void access_log_error(const struct exchange *exchange, const struct error *error);

/* The function has answered with a status of 500 or more. */
void access_log_function_error(const struct exchange *exchange);

#endif
