/*
 * The part of an exchange that talks to a slot: sends the request, reads the response's head, streams both
 * bodies. Private to exchange.c and relay.c, which call each other.
 */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include "base/error.h"
#include "gateway/exchange.h"

/* --- relay.c --- */

/* Sends the request, whose body has been begun, on a slot that has just been acquired. */
void relay_start(struct exchange *exchange, struct slot *slot);

/* Moves what can be moved of the request's body; of the response. The exchange may be over afterwards. */
void relay_up(struct exchange *exchange);
void relay_down(struct exchange *exchange);

/* Sends the request, of which nothing has been lost, on another slot. */
void relay_again(struct exchange *exchange);

/* Gives the slot back, if there is one. */
void relay_drop_slot(struct exchange *exchange, enum slot_fate fate);

/* The answer has been received: the slot, if there is one, is free for the next request. */
void relay_end(struct exchange *exchange);

/* --- exchange.c --- */

/* The one place that changes the state. */
void exchange_enter(struct exchange *exchange, enum exchange_state state);

/* Routes the request and takes a slot, or joins the queue, or answers with an error. */
void exchange_acquire(struct exchange *exchange);

/* Answers with an error, or, when the answer's head has gone out already, cuts the connection. */
void exchange_fail(struct exchange *exchange, int status, const struct error *error);

/* The request's body is malformed or too large. */
void exchange_fail_body(struct exchange *exchange);

/* Writes `head` and what is ready to the client, or keeps it in memory; finishes the exchange when that was
 * the end. True: there may be more to come. False: held back by the client, or over. */
bool exchange_push_down(struct exchange *exchange, struct http_text head);

/* Takes a slot or joins the queue, with as much of the body as there is. */
void exchange_take_slot(struct exchange *exchange);

/* The request's bytes are no longer at `old` but in client->in: whoever points into them looks again. */
void exchange_request_moved(struct exchange *exchange, const char *old);

#endif
