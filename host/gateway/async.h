/* Requests that the desk answers, in the place of a function: see desk.h. */
#ifndef GATEWAY_ASYNC_H
#define GATEWAY_ASYNC_H

#include "gateway/exchange.h"

/* The preference (RFC 7240) by which any call of a function is to be done later. */
#define ASYNC_PREFERENCE "respond-async"

/* Finds out whether a request whose head is complete is for the desk. -1: it cannot be, and has failed. */
int async_begin(struct exchange *exchange, enum target_kind kind);

#endif
