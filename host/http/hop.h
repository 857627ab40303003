/*
 * Which headers concern one connection only and are never passed on (RFC 9110, 7.6.1), how far a request may
 * go (7.6.2), and which fields may not come in a trailer section (6.5.1).
 */
#ifndef HTTP_HOP_H
#define HTTP_HOP_H

#include "http/header.h"

/* Always hop-by-hop, whether or not Connection names them. Framing and Host are here too: they are written
 * anew. */
#define HTTP_HOP_BY_HOP                                                                                      \
    (HTTP_HEADER_BIT(HTTP_HEADER_CONNECTION) | HTTP_HEADER_BIT(HTTP_HEADER_KEEP_ALIVE) |                     \
     HTTP_HEADER_BIT(HTTP_HEADER_PROXY_CONNECTION) | HTTP_HEADER_BIT(HTTP_HEADER_PROXY_AUTHENTICATE) |       \
     HTTP_HEADER_BIT(HTTP_HEADER_PROXY_AUTHORIZATION) | HTTP_HEADER_BIT(HTTP_HEADER_TE) |                    \
     HTTP_HEADER_BIT(HTTP_HEADER_TRAILER) | HTTP_HEADER_BIT(HTTP_HEADER_TRANSFER_ENCODING) |                 \
     HTTP_HEADER_BIT(HTTP_HEADER_CONTENT_LENGTH) | HTTP_HEADER_BIT(HTTP_HEADER_UPGRADE) |                    \
     HTTP_HEADER_BIT(HTTP_HEADER_HTTP2_SETTINGS))

/* Never accepted from a trailer section: framing, routing, credentials, how to read the content, and what the
 * host itself says about a request. */
#define HTTP_TRAILER_FORBIDDEN                                                                               \
    (HTTP_HOP_BY_HOP | HTTP_HEADER_BIT(HTTP_HEADER_HOST) | HTTP_HEADER_BIT(HTTP_HEADER_AUTHORIZATION) |      \
     HTTP_HEADER_BIT(HTTP_HEADER_CACHE_CONTROL) | HTTP_HEADER_BIT(HTTP_HEADER_CONTENT_ENCODING) |            \
     HTTP_HEADER_BIT(HTTP_HEADER_CONTENT_RANGE) | HTTP_HEADER_BIT(HTTP_HEADER_CONTENT_TYPE) |                \
     HTTP_HEADER_BIT(HTTP_HEADER_COOKIE) | HTTP_HEADER_BIT(HTTP_HEADER_DATE) |                               \
     HTTP_HEADER_BIT(HTTP_HEADER_EXPECT) | HTTP_HEADER_BIT(HTTP_HEADER_FORWARDED) |                          \
     HTTP_HEADER_BIT(HTTP_HEADER_LOCATION) | HTTP_HEADER_BIT(HTTP_HEADER_MAX_FORWARDS) |                     \
     HTTP_HEADER_BIT(HTTP_HEADER_RANGE) | HTTP_HEADER_BIT(HTTP_HEADER_RETRY_AFTER) |                         \
     HTTP_HEADER_BIT(HTTP_HEADER_SET_COOKIE) | HTTP_HEADER_BIT(HTTP_HEADER_VIA) |                            \
     HTTP_HEADER_BIT(HTTP_HEADER_WWW_AUTHENTICATE) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_FOR) |          \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_HOST) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PREFIX) |       \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PROTO) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_OTHER) |       \
     HTTP_HEADER_BIT(HTTP_HEADER_X_REAL_IP) | HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) |                    \
     HTTP_HEADER_BIT(HTTP_HEADER_X_CALL_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_START_TIME) |                    \
     HTTP_HEADER_BIT(HTTP_HEADER_X_ATTEMPT) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_ASYNC) |                   \
     HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_CALLER) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_SCHEDULE) |           \
     HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_SCHEDULED_AT) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_ORIGIN_CALL))

struct http_head;

/* Reads every Connection header of a parsed head: sets `connection` in it and marks the headers that they
 * name as HTTP_HEADER_IS_HOP. False when they have too many members to be honest. Part of http_head_parse. */
bool http_hop_mark(struct http_head *head);

/* How many times a TRACE or OPTIONS request may still be passed on, as its Max-Forwards says; large numbers
 * count as UINT32_MAX. -1: as often as may be, also when that header is no number. */
int64_t http_hops_left(const struct http_head *head);

#endif
