/*
 * What a request to one function is held to, from the settings of the host and of the function. Made in one
 * place, so that whoever publishes a route cannot leave a limit out.
 */
#ifndef ROUTING_ROUTE_LIMITS_H
#define ROUTING_ROUTE_LIMITS_H

#include "config/registry.h"

#include <stdbool.h>
#include <stdint.h>

struct route_limits {
    unsigned timeout_ms; /* of one request on its slot */
    unsigned stream_idle_ms; /* silence that ends an event stream or a tunnel */
    bool request_buffering; /* small bodies are received before a slot is taken */
    unsigned queue_length; /* requests that wait for a slot: 503 above it */
    unsigned queue_timeout_ms; /* that a request waits for one: 503 after it */
    uint64_t max_body_bytes; /* of its body: 413 above it. HTTP_BODY_UNLIMITED: none */
    unsigned call_depth; /* functions that call each other in a row up to it: 508 above it */
    bool own_queue_length, own_queue_timeout, own_max_body; /* the function's settings, not the host's */
};

/* Any thread. */
struct route_limits route_limits_make(const struct host_settings *host,
                                      const struct function_settings *function);

/* Where one of these is set, for a hint: static text. `own`: one of the members above. */
const char *route_limit_place(bool own);

#endif
