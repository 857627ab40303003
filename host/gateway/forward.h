/* What the gateway adds to heads that it passes on. */
#ifndef GATEWAY_FORWARD_H
#define GATEWAY_FORWARD_H

#include "gateway/exchange.h"
#include "http/write.h"

/* What the /system contract has in every request and answer of a call by it: X-Call-Id, which is the
 * client's own or the request's id, and X-Start-Time, in nanoseconds since 1970. Nothing for other requests.
 */
void forward_call_fields(struct http_writer *writer, const struct exchange *exchange);

/* The whole request head for the runner: with X-Request-Id, and with the client and the host of its origin.
 */
void forward_request_head(struct http_writer *writer, const struct exchange *exchange);

/* The whole final response head for the client: X-Request-Id, X-Served-By, Server-Timing, and Date when the
 * runner gave none. */
void forward_response_head(struct http_writer *writer, const struct exchange *exchange,
                           const struct http_response_edit *edit, uint64_t run_ns);

/* "Server-Timing: queue;dur=.., start;dur=.., run;dur=..", milliseconds with microseconds. */
void forward_server_timing(struct http_writer *writer, const struct exchange *exchange, uint64_t run_ns);

#endif
