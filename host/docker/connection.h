/*
 * A connection to the engine: carries one call at a time, and is kept for the next one when the answer left
 * it clean. For the files of this folder only.
 */
#ifndef DOCKER_CONNECTION_H
#define DOCKER_CONNECTION_H

#include "docker/call.h"

/* Sends the call over a kept connection or a new one and sets call->connection until its end, which comes
 * from the event loop: by docker_transfer_complete(), with call->connection NULL already, or by
 * docker_call_free() when the call was cancelled while bytes were delivered to it. Fails when there is no
 * connection to be had. */
int docker_connection_carry(struct docker_call *call, struct error *err);

/* Closes a connection, kept or in use; a call that it carries is left without one. NULL is fine. */
void docker_connection_close(struct docker_connection *connection);

#endif
