/*
 * Where the bytes of a request are while it waits: head and body stand in the connection's own buffer, which
 * grows with what comes and shrinks to what is there, and is counted in the backlog then.
 */
#ifndef GATEWAY_REQUEST_BYTES_H
#define GATEWAY_REQUEST_BYTES_H

#include <stdbool.h>

struct exchange;

/* A larger buffer, for a body that flows. False: memory is out. */
bool request_bytes_grow(struct exchange *exchange);

/* The request has to wait, for its client or for a slot: keeps no more memory than what has come needs, and
 * counts it. False: not even that can be had. */
bool request_bytes_shrink(struct exchange *exchange);

/* The request is answered, and its client slow to read: keeps its head and what came behind it, and counts
 * that. False: not even that can be had. */
bool request_bytes_drop_body(struct exchange *exchange);

#endif
