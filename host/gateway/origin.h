/*
 * Where a request comes from: its client, and the scheme, host and path prefix under which that client sees
 * this gateway. What a trusted peer's headers say of it is believed where it makes sense; for everybody else
 * it is what the gateway sees itself.
 */
#ifndef GATEWAY_ORIGIN_H
#define GATEWAY_ORIGIN_H

#include "base/network.h"
#include "http/head.h"

struct origin {
    char client[INET6_ADDRSTRLEN]; /* an address; "unknown" as the peer's may be */
    size_t client_length;
    struct http_text scheme; /* "http" or "https" */
    struct http_text host; /* with its port, if any; empty when an HTTP/1.0 client gave none */
    struct http_text prefix; /* that other proxies took off the path: "/outer", or empty */
};

/* Headers that tell of another hop. From a peer that is not trusted none of them goes on. */
#define ORIGIN_HEADERS                                                                                       \
    (HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_FOR) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PROTO) |         \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_HOST) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PREFIX) |       \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_OTHER) | HTTP_HEADER_BIT(HTTP_HEADER_X_REAL_IP) |               \
     HTTP_HEADER_BIT(HTTP_HEADER_FORWARDED))

/* `peer` is the address of the connection as text. `trusted` says who is believed, the peer being one of
 * them; NULL: the peer is not. The texts point into `head`. */
void origin_find(const struct http_head *head, struct http_text peer, const struct network_list *trusted,
                 struct origin *ret_origin);

#endif
