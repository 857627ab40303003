/*
 * Bodies before a slot: the first part of a request's body, `request_buffer` bytes at most, is received into
 * memory before the request takes a slot or joins the queue. It stands behind its head in the connection's
 * own buffer, which grows and shrinks with what is there. A body that comes together with its head needs none
 * of this. Private to the exchange.
 */
#ifndef GATEWAY_RECEIVE_H
#define GATEWAY_RECEIVE_H

#include <stdbool.h>

struct exchange;

/* True when more of the body, which has been begun, is to come before the request may have a slot. */
bool receive_is_wanted(const struct exchange *exchange);

/* Begins to receive; exchange_take_slot() follows, or an error is answered. The exchange may be over
 * afterwards. */
void receive_begin(struct exchange *exchange);

/* The client's connection has bytes or has ended. */
void receive_more(struct exchange *exchange);

/* The request has to wait, for its client or for a slot: keeps no more memory than what has come needs, and
 * counts it. False: not even that can be had; receive_fail_no_memory() says so. */
bool receive_rest(struct exchange *exchange);

/* The request is answered, and its client slow to read: keeps its head and what came behind it, and counts
 * that. False: not even that can be had. */
bool receive_forget_body(struct exchange *exchange);

void receive_fail_no_memory(struct exchange *exchange);

#endif
