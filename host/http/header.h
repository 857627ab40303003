/*
 * The headers that the host knows by name. A name is looked up once, when a head is parsed; from then on
 * everything works with its id and with sets of ids.
 */
#ifndef HTTP_HEADER_H
#define HTTP_HEADER_H

#include "http/text.h"

/* Below 64, so that a set of ids is one uint64_t. */
enum http_header_id {
    HTTP_HEADER_OTHER = 0, /* any name not listed here */
    HTTP_HEADER_ACCEPT,
    HTTP_HEADER_ACCEPT_ENCODING,
    HTTP_HEADER_ACCEPT_LANGUAGE,
    HTTP_HEADER_AUTHORIZATION,
    HTTP_HEADER_CACHE_CONTROL,
    HTTP_HEADER_CONNECTION,
    HTTP_HEADER_CONTENT_ENCODING,
    HTTP_HEADER_CONTENT_LENGTH,
    HTTP_HEADER_CONTENT_RANGE,
    HTTP_HEADER_CONTENT_TYPE,
    HTTP_HEADER_COOKIE,
    HTTP_HEADER_DATE,
    HTTP_HEADER_EXPECT,
    HTTP_HEADER_FORWARDED,
    HTTP_HEADER_HOST,
    HTTP_HEADER_HTTP2_SETTINGS,
    HTTP_HEADER_KEEP_ALIVE,
    HTTP_HEADER_LOCATION,
    HTTP_HEADER_MAX_FORWARDS,
    HTTP_HEADER_ORIGIN,
    HTTP_HEADER_PREFER,
    HTTP_HEADER_PROXY_AUTHENTICATE,
    HTTP_HEADER_PROXY_AUTHORIZATION,
    HTTP_HEADER_PROXY_CONNECTION,
    HTTP_HEADER_RANGE,
    HTTP_HEADER_RETRY_AFTER,
    HTTP_HEADER_SERVER,
    HTTP_HEADER_SERVER_TIMING,
    HTTP_HEADER_SET_COOKIE,
    HTTP_HEADER_TE,
    HTTP_HEADER_TRACEPARENT,
    HTTP_HEADER_TRACESTATE,
    HTTP_HEADER_TRAILER,
    HTTP_HEADER_TRANSFER_ENCODING,
    HTTP_HEADER_UPGRADE,
    HTTP_HEADER_USER_AGENT,
    HTTP_HEADER_VIA,
    HTTP_HEADER_WWW_AUTHENTICATE,
    HTTP_HEADER_X_ATTEMPT,
    HTTP_HEADER_X_BERTH_ASYNC,
    HTTP_HEADER_X_BERTH_CALLER,
    HTTP_HEADER_X_BERTH_ORIGIN_CALL,
    HTTP_HEADER_X_BERTH_SCHEDULE,
    HTTP_HEADER_X_BERTH_SCHEDULED_AT,
    HTTP_HEADER_X_FORWARDED_FOR,
    HTTP_HEADER_X_FORWARDED_HOST,
    HTTP_HEADER_X_FORWARDED_PREFIX,
    HTTP_HEADER_X_FORWARDED_PROTO,
    HTTP_HEADER_X_FORWARDED_OTHER, /* any other name that begins with "X-Forwarded-" */
    HTTP_HEADER_X_REAL_IP,
    HTTP_HEADER_X_REQUEST_ID,
    HTTP_HEADER_X_CALL_ID,
    HTTP_HEADER_X_START_TIME,
    HTTP_HEADER_X_SERVED_BY,
    HTTP_HEADER_COUNT,
};

/* The one-member set of an id; sets are joined with |. */
#define HTTP_HEADER_BIT(id) (UINT64_C(1) << (id))

/* The id of a name in any case; HTTP_HEADER_OTHER when it is not known. `name` must be a valid token. */
enum http_header_id http_header_find(const char *name, size_t length);

/* The name in its usual spelling; "" for those that stand for many. Static. */
struct http_text http_header_name(enum http_header_id id);

#endif
