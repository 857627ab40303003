/*
 * Bodies before a slot: the first part of a request's body, `request_buffer` bytes at most, is received into
 * memory before the request takes a slot or joins the queue. It stands behind its head in the connection's
 * own buffer. A body that comes together with its head needs none of this.
 */
#ifndef GATEWAY_RECEIVE_H
#define GATEWAY_RECEIVE_H

#include <stdbool.h>

struct exchange;

/* True when more of the body, which has been begun, is to come before the request may have a slot. */
bool receive_is_wanted(const struct exchange *exchange);

/* Begins to receive; acquire_slot() follows, or an error is answered. The exchange may be over afterwards. */
void receive_begin(struct exchange *exchange);

/* The client's connection has bytes or has ended. */
void receive_more(struct exchange *exchange);

#endif
