/*
 * Answers that their client does not take in time: what the runner has said is moved into memory, in pieces
 * of its own size, so that the runner is done with it and its slot is free. Goes out before anything that
 * follows.
 */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "gateway/flow.h"

struct exchange;

/* Writes what was moved, then `head` and what is ready of the answer, as flow_write(). */
enum flow_write spool_write(struct exchange *exchange, struct http_text head);

/* Moves what the answer's flow has ready into memory; its socket is full. False: it stays where it is,
 * because the answer is too large or a stream, or memory is short. */
bool spool_take(struct exchange *exchange);

#endif
