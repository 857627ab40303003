/*
 * What an exchange's client is sent: written at once, or, when the client does not take it in time, moved
 * into memory, so that the runner is done with its answer and the slot is free.
 */
#ifndef GATEWAY_DELIVER_H
#define GATEWAY_DELIVER_H

#include "gateway/exchange.h"

/* Writes `head` and what is ready to the client, or keeps it in memory; finishes the exchange when that was
 * the end. True: there may be more to come. False: held back by the client, or over. */
bool deliver(struct exchange *exchange, struct http_text head);

/* Writes the head of an interim response. False: the exchange is over. */
bool deliver_interim(struct exchange *exchange, struct http_text head);

#endif
