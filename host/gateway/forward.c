#include "gateway/forward.h"

#include "gateway/async.h"
#include "gateway/origin.h"
#include "gateway/request_id.h"
#include "http/hop.h"
#include "http/prefer.h"

/* Written by the gateway, so not copied from the client. */
#define REQUEST_DROP                                                                                         \
    (HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_CALLER) |               \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_FOR) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PROTO) |         \
     HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_HOST) | HTTP_HEADER_BIT(HTTP_HEADER_X_FORWARDED_PREFIX) |       \
     HTTP_HEADER_BIT(HTTP_HEADER_X_REAL_IP) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_ASYNC) |                   \
     HTTP_HEADER_BIT(HTTP_HEADER_X_ATTEMPT) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_SCHEDULE) |                \
     HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_SCHEDULED_AT) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_ORIGIN_CALL))

/* Of a call that is delivered: what was accepted with it has been written by the gateway before. */
#define DELIVERY_DROP   (HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_BERTH_ASYNC))

#define RESPONSE_DROP   (HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_SERVED_BY))

#define CALL_DROP       (HTTP_HEADER_BIT(HTTP_HEADER_X_CALL_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_START_TIME))

#define TRACE_DROP      (HTTP_HEADER_BIT(HTTP_HEADER_TRACEPARENT) | HTTP_HEADER_BIT(HTTP_HEADER_TRACESTATE))

#define INSTANCE_DIGITS 12

static void begin_field(struct http_writer *writer, struct http_text name)
{
    http_write_text(writer, name);
    http_write_raw(writer, ": ", 2);
}

static void end_field(struct http_writer *writer)
{
    http_write_raw(writer, "\r\n", 2);
}

/* Every proxy adds the address it saw; several header lines are one list. */
static void write_forwarded_for(struct http_writer *writer, const struct exchange *exchange)
{
    const struct http_head *head = &exchange->request;
    begin_field(writer, HTTP_TEXT("X-Forwarded-For"));
    if (exchange->client->trusted && http_head_has(head, HTTP_HEADER_X_FORWARDED_FOR)) {
        for (uint32_t i = 0; i < head->header_count; i++) {
            const struct http_header *header = &head->headers[i];
            if (header->id != HTTP_HEADER_X_FORWARDED_FOR || header->value_length == 0)
                continue;
            http_write_text(writer, http_head_value(head, header));
            http_write_raw(writer, ", ", 2);
        }
    }
    http_write_text(writer, client_address(exchange->client));
    end_field(writer);
}

/* The member of this gateway behind those that a trusted peer sent (RFC 7239). */
static void extend_forwarded(struct http_writer *writer, const struct exchange *exchange)
{
    struct http_text address = client_address(exchange->client);
    bool wide = memchr(address.data, ':', address.length) != NULL;
    http_write_text(writer, wide ? HTTP_TEXT("Forwarded: for=\"[") : HTTP_TEXT("Forwarded: for="));
    http_write_text(writer, address);
    if (wide)
        http_write_text(writer, HTTP_TEXT("]\""));
    end_field(writer);
}

/* Links of a function that is called later lead to where it answers. */
static void write_own_prefix(struct http_writer *writer, const struct target *target)
{
    if (target->is_async) {
        http_write_text(writer, HTTP_TEXT("/function/"));
        http_write_text(writer, target->name);
    } else {
        http_write_text(writer, target->prefix);
    }
}

/* Who asks for what, from the outside: see origin.h. */
static void write_origin(struct http_writer *writer, const struct exchange *exchange,
                         const struct origin *origin)
{
    write_forwarded_for(writer, exchange);
    if (exchange->client->trusted && http_head_has(&exchange->request, HTTP_HEADER_FORWARDED))
        extend_forwarded(writer, exchange);
    http_write_field(writer, HTTP_TEXT("X-Real-IP"), http_text_make(origin->client, origin->client_length));
    http_write_field(writer, HTTP_TEXT("X-Forwarded-Proto"), origin->scheme);
    if (origin->host.length > 0)
        http_write_field(writer, HTTP_TEXT("X-Forwarded-Host"), origin->host);
    begin_field(writer, HTTP_TEXT("X-Forwarded-Prefix"));
    http_write_text(writer, origin->prefix);
    write_own_prefix(writer, &exchange->target);
    end_field(writer);
}

/* The client's own, when that is harmless, else the request's. */
static struct http_text call_id(const struct exchange *exchange)
{
    const struct http_header *own = http_head_find(&exchange->request, HTTP_HEADER_X_CALL_ID);
    if (own && request_id_is_sane(http_head_value(&exchange->request, own)))
        return http_head_value(&exchange->request, own);
    return exchange->id;
}

/* Calls that are done later have both from the desk. */
static bool has_call_fields(const struct exchange *exchange)
{
    return exchange->target.by_contract && !exchange->asking.what && !client_is_calls(exchange->client);
}

void forward_call_fields(struct http_writer *writer, const struct exchange *exchange)
{
    if (!has_call_fields(exchange))
        return;
    http_write_field(writer, HTTP_TEXT("X-Call-Id"), call_id(exchange));
    http_write_field_number(writer, HTTP_TEXT("X-Start-Time"), exchange->start_time_ns);
}

/* Which function calls, and the trace that the call belongs to where it named none. */
static void write_inner(struct http_writer *writer, const struct exchange *exchange)
{
    const char *function = exchange->client->entrance->function;
    const char *traceparent = exchange->inner->traceparent;
    http_write_field(writer, HTTP_TEXT("X-Berth-Caller"), http_text_make(function, strlen(function)));
    if (*traceparent)
        http_write_field(writer, HTTP_TEXT("traceparent"), http_text_make(traceparent, TRACEPARENT_LENGTH));
}

/* What is asked of the desk. */
static void write_asking(struct http_writer *writer, const struct exchange *exchange)
{
    static const char *const words[] = {
        [DESK_ACCEPT] = "accept ", [DESK_LOOK] = "look", [DESK_CANCEL] = "cancel"};
    const char *word = words[exchange->asking.what];
    begin_field(writer, HTTP_TEXT("X-Berth-Async"));
    http_write_raw(writer, word, strlen(word));
    http_write_text(writer, exchange->target.name);
    end_field(writer);
    if (exchange->asking.preferred)
        http_prefer_write_others(writer, &exchange->request, HTTP_TEXT(ASYNC_PREFERENCE));
}

/* What the client says of itself and of the call, and the gateway knows better. */
static uint64_t dropped_as_claims(const struct exchange *exchange)
{
    const struct client *client = exchange->client;
    if (client_is_calls(client))
        return DELIVERY_DROP;
    uint64_t drop = REQUEST_DROP;
    if (!client->trusted)
        drop |= ORIGIN_HEADERS;
    if (exchange->target.by_contract || exchange->asking.what)
        drop |= CALL_DROP;
    if (exchange->asking.preferred)
        drop |= HTTP_HEADER_BIT(HTTP_HEADER_PREFER);
    if (exchange->inner && *exchange->inner->traceparent)
        drop |= TRACE_DROP;
    return drop;
}

void forward_request_head(struct http_writer *writer, const struct exchange *exchange)
{
    const struct http_head *head = &exchange->request;
    int64_t hops = http_hops_left(head);
    const struct client *client = exchange->client;
    struct origin origin;
    origin_find(head, client_address(client), client->trusted, &origin);
    struct http_request_edit edit = {
        .target = exchange->target.rest, .host = origin.host, .drop = dropped_as_claims(exchange)};
    if (hops > 0)
        edit.drop |= HTTP_HEADER_BIT(HTTP_HEADER_MAX_FORWARDS);
    if (exchange->sending.continued)
        edit.drop |= HTTP_HEADER_BIT(HTTP_HEADER_EXPECT);
    http_write_request(writer, head, &edit);
    if (hops > 0)
        http_write_field_number(writer, HTTP_TEXT("Max-Forwards"), (uint64_t)hops - 1);
    http_write_field(writer, HTTP_TEXT("X-Request-Id"), exchange->id);
    if (exchange->asking.what)
        write_asking(writer, exchange);
    if (exchange->inner)
        write_inner(writer, exchange);
    forward_call_fields(writer, exchange);
    if (!client_is_calls(client))
        write_origin(writer, exchange, &origin);
    http_write_end(writer);
}

static void write_milliseconds(struct http_writer *writer, uint64_t ns)
{
    if (ns == 0) {
        http_write_text(writer, HTTP_TEXT("0.000"));
        return;
    }
    uint64_t us = ns / 1000;
    char fraction[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10), (char)('0' + us % 10)};
    http_write_number(writer, us / 1000);
    http_write_raw(writer, fraction, sizeof(fraction));
}

void forward_server_timing(struct http_writer *writer, const struct exchange *exchange, uint64_t run_ns)
{
    http_write_text(writer, HTTP_TEXT("Server-Timing: queue;dur="));
    write_milliseconds(writer, exchange->queue.cold ? 0 : exchange->queue.waited_ns);
    http_write_text(writer, HTTP_TEXT(", start;dur="));
    write_milliseconds(writer, exchange->queue.cold ? exchange->queue.waited_ns : 0);
    http_write_text(writer, HTTP_TEXT(", run;dur="));
    write_milliseconds(writer, run_ns);
    end_field(writer);
}

static void write_served_by(struct http_writer *writer, uint64_t instance)
{
    char text[16];
    size_t digits = 0;
    for (; instance || digits < INSTANCE_DIGITS; instance >>= 4)
        text[sizeof(text) - ++digits] = "0123456789abcdef"[instance & 15];
    http_write_field(writer, HTTP_TEXT("X-Served-By"), http_text_make(text + sizeof(text) - digits, digits));
}

/* That the call was accepted is what its client would rather have. */
static void write_applied(struct http_writer *writer, const struct exchange *exchange)
{
    if (exchange->asking.preferred && exchange->response.status == 202)
        http_write_field(writer, HTTP_TEXT("Preference-Applied"), HTTP_TEXT(ASYNC_PREFERENCE));
}

void forward_response_head(struct http_writer *writer, const struct exchange *exchange,
                           const struct http_response_edit *edit, uint64_t run_ns)
{
    struct http_response_edit own = *edit;
    own.drop |= RESPONSE_DROP | (has_call_fields(exchange) ? CALL_DROP : 0);
    http_write_response(writer, &exchange->response, &own);
    if (!http_head_has(&exchange->response, HTTP_HEADER_DATE))
        http_write_field(writer, HTTP_TEXT("Date"),
                         http_text_make(loop_date(exchange->loop), HTTP_DATE_LENGTH));
    http_write_field(writer, HTTP_TEXT("X-Request-Id"), exchange->id);
    forward_call_fields(writer, exchange);
    if (exchange->asking.what)
        write_applied(writer, exchange);
    else
        write_served_by(writer, exchange->hold.instance);
    forward_server_timing(writer, exchange, run_ns);
    http_write_end(writer);
}
