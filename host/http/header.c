#include "http/header.h"

/* Sorted by length, so that a lookup sees only names of the right one. */
struct known_header {
    uint8_t id;
    const char *lower; /* for comparing */
    struct http_text usual;
};

#define KNOWN(ID, LOWER, USUAL)                                                                              \
    .id = HTTP_HEADER_##ID, .lower = (LOWER), .usual.data = (USUAL), .usual.length = sizeof(USUAL) - 1

static const struct known_header known_headers[] = {
    {KNOWN(TE, "te", "TE")},
    {KNOWN(VIA, "via", "Via")},
    {KNOWN(HOST, "host", "Host")},
    {KNOWN(DATE, "date", "Date")},
    {KNOWN(RANGE, "range", "Range")},
    {KNOWN(ACCEPT, "accept", "Accept")},
    {KNOWN(COOKIE, "cookie", "Cookie")},
    {KNOWN(EXPECT, "expect", "Expect")},
    {KNOWN(ORIGIN, "origin", "Origin")},
    {KNOWN(SERVER, "server", "Server")},
    {KNOWN(PREFER, "prefer", "Prefer")},
    {KNOWN(TRAILER, "trailer", "Trailer")},
    {KNOWN(UPGRADE, "upgrade", "Upgrade")},
    {KNOWN(LOCATION, "location", "Location")},
    {KNOWN(FORWARDED, "forwarded", "Forwarded")},
    {KNOWN(X_REAL_IP, "x-real-ip", "X-Real-IP")},
    {KNOWN(X_CALL_ID, "x-call-id", "X-Call-Id")},
    {KNOWN(X_ATTEMPT, "x-attempt", "X-Attempt")},
    {KNOWN(KEEP_ALIVE, "keep-alive", "Keep-Alive")},
    {KNOWN(CONNECTION, "connection", "Connection")},
    {KNOWN(SET_COOKIE, "set-cookie", "Set-Cookie")},
    {KNOWN(TRACESTATE, "tracestate", "tracestate")},
    {KNOWN(USER_AGENT, "user-agent", "User-Agent")},
    {KNOWN(RETRY_AFTER, "retry-after", "Retry-After")},
    {KNOWN(TRACEPARENT, "traceparent", "traceparent")},
    {KNOWN(X_SERVED_BY, "x-served-by", "X-Served-By")},
    {KNOWN(CONTENT_TYPE, "content-type", "Content-Type")},
    {KNOWN(MAX_FORWARDS, "max-forwards", "Max-Forwards")},
    {KNOWN(X_START_TIME, "x-start-time", "X-Start-Time")},
    {KNOWN(X_REQUEST_ID, "x-request-id", "X-Request-Id")},
    {KNOWN(AUTHORIZATION, "authorization", "Authorization")},
    {KNOWN(CACHE_CONTROL, "cache-control", "Cache-Control")},
    {KNOWN(CONTENT_RANGE, "content-range", "Content-Range")},
    {KNOWN(SERVER_TIMING, "server-timing", "Server-Timing")},
    {KNOWN(X_BERTH_ASYNC, "x-berth-async", "X-Berth-Async")},
    {KNOWN(CONTENT_LENGTH, "content-length", "Content-Length")},
    {KNOWN(HTTP2_SETTINGS, "http2-settings", "HTTP2-Settings")},
    {KNOWN(X_BERTH_CALLER, "x-berth-caller", "X-Berth-Caller")},
    {KNOWN(ACCEPT_ENCODING, "accept-encoding", "Accept-Encoding")},
    {KNOWN(ACCEPT_LANGUAGE, "accept-language", "Accept-Language")},
    {KNOWN(X_FORWARDED_FOR, "x-forwarded-for", "X-Forwarded-For")},
    {KNOWN(CONTENT_ENCODING, "content-encoding", "Content-Encoding")},
    {KNOWN(PROXY_CONNECTION, "proxy-connection", "Proxy-Connection")},
    {KNOWN(WWW_AUTHENTICATE, "www-authenticate", "WWW-Authenticate")},
    {KNOWN(X_FORWARDED_HOST, "x-forwarded-host", "X-Forwarded-Host")},
    {KNOWN(X_BERTH_SCHEDULE, "x-berth-schedule", "X-Berth-Schedule")},
    {KNOWN(TRANSFER_ENCODING, "transfer-encoding", "Transfer-Encoding")},
    {KNOWN(X_FORWARDED_PROTO, "x-forwarded-proto", "X-Forwarded-Proto")},
    {KNOWN(PROXY_AUTHENTICATE, "proxy-authenticate", "Proxy-Authenticate")},
    {KNOWN(X_FORWARDED_PREFIX, "x-forwarded-prefix", "X-Forwarded-Prefix")},
    {KNOWN(PROXY_AUTHORIZATION, "proxy-authorization", "Proxy-Authorization")},
    {KNOWN(X_BERTH_ORIGIN_CALL, "x-berth-origin-call", "X-Berth-Origin-Call")},
    {KNOWN(X_BERTH_SCHEDULED_AT, "x-berth-scheduled-at", "X-Berth-Scheduled-At")},
};

#define KNOWN_COUNT (sizeof(known_headers) / sizeof(known_headers[0]))
#define LONGEST     20

_Static_assert(KNOWN_COUNT == HTTP_HEADER_COUNT - 2, "every id of one name has it");
_Static_assert(HTTP_HEADER_COUNT <= 64, "a set of ids fits a uint64_t");

/* first_of_length[n] is the index of the first known name of n bytes or more. */
static const uint8_t first_of_length[LONGEST + 2] = {
    0, 0, 0, 1, 2, 4, 5, 11, 13, 14, 18, 23, 26, 30, 35, 38, 41, 46, 48, 50, 52, 53,
};

/* The bit that tells a small letter from its capital; "-" and digits have it set anyway. */
#define CASE_BIT  0x20
#define CASE_BITS UINT64_C(0x2020202020202020)

static uint64_t load(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* `lower` has letters, digits and "-" only; `name` is a token, so setting the case bit cannot make it match
 * by accident. */
static bool names_equal(const char *name, const char *lower, size_t length)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t)) {
        if ((load(name + i) | CASE_BITS) != load(lower + i))
            return false;
    }
    for (; i < length; i++) {
        if ((name[i] | CASE_BIT) != lower[i])
            return false;
    }
    return true;
}

static enum http_header_id find_by_beginning(const char *name, size_t length)
{
    static const char forwarded[] = "x-forwarded-";
    bool is_forwarded = length >= sizeof(forwarded) && names_equal(name, forwarded, sizeof(forwarded) - 1);
    return is_forwarded ? HTTP_HEADER_X_FORWARDED_OTHER : HTTP_HEADER_OTHER;
}

enum http_header_id http_header_find(const char *name, size_t length)
{
    if (length == 0 || length > LONGEST)
        return find_by_beginning(name, length);
    char last = (char)(name[length - 1] | CASE_BIT);
    for (unsigned i = first_of_length[length]; i < first_of_length[length + 1]; i++) {
        const struct known_header *known = &known_headers[i];
        if (known->lower[length - 1] == last && names_equal(name, known->lower, length))
            return known->id;
    }
    return find_by_beginning(name, length);
}

struct http_text http_header_name(enum http_header_id id)
{
    for (unsigned i = 0; i < KNOWN_COUNT; i++) {
        if (known_headers[i].id == id)
            return known_headers[i].usual;
    }
    return HTTP_TEXT("");
}
