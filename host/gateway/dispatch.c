#include "gateway/dispatch.h"

#include "gateway/acquire.h"
#include "gateway/async.h"
#include "gateway/fail.h"
#include "gateway/handover.h"
#include "gateway/inner_call.h"
#include "gateway/receive.h"
#include "http/hop.h"

#include <time.h>

/* Prepares the body's way to the runner from its first byte, which is still there. */
static void begin_body(struct exchange *exchange, uint64_t limit_bytes)
{
    bool chunked = exchange->request.framing == HTTP_FRAMING_CHUNKED;
    http_body_clear(&exchange->up.body);
    http_body_init_head(&exchange->up.body, &exchange->request, limit_bytes);
    flow_begin(&exchange->up, chunked ? FLOW_RAW : FLOW_PLAIN, exchange->client->in,
               exchange->request.length);
    exchange->sending.broken = false;
}

/* A function calls a function, now or later. */
static bool is_inner(const struct exchange *exchange)
{
    return exchange->is_routed && client_is_function(exchange->client);
}

void dispatch_to_function(struct exchange *exchange)
{
    struct slot_pool *pool = acquire_pool(exchange);
    if (!pool || (is_inner(exchange) && inner_call_begin(exchange) < 0))
        return;
    exchange_take_off(exchange);
    begin_body(exchange, exchange->limits.max_body_bytes);
    if (exchange_scan_body(exchange) < 0)
        exchange_fail_body(exchange);
    else if (receive_is_wanted(exchange))
        receive_begin(exchange);
    else
        acquire_slot(exchange, pool);
}

static void make_own_id(struct exchange *exchange)
{
    request_id_make(exchange->made_id, loop_random(exchange->loop), loop_random(exchange->loop));
    exchange->id = http_text_make(exchange->made_id, REQUEST_ID_MADE);
}

/* The client's own, when that is harmless. */
static bool take_id(struct exchange *exchange, enum http_header_id name)
{
    const struct http_header *header = http_head_find(&exchange->request, name);
    if (!header || !request_id_is_sane(http_head_value(&exchange->request, header)))
        return false;
    exchange->id = http_head_value(&exchange->request, header);
    return true;
}

static void make_id(struct exchange *exchange)
{
    if (!take_id(exchange, HTTP_HEADER_X_REQUEST_ID))
        make_own_id(exchange);
}

/* Of a call by the contract the client may have given the id by that one's name. */
static void begin_call(struct exchange *exchange)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    exchange->start_time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (exchange->id.data == exchange->made_id)
        take_id(exchange, HTTP_HEADER_X_CALL_ID);
}

static void fail_no_function(struct exchange *exchange, enum target_kind kind)
{
    struct error error;
    if (kind == TARGET_ROOT) {
        error_set(&error, ERROR_NO_FUNCTION_NAMED, "The path names no function.");
        error_hint(&error, "Functions are served at /<name> and /function/<name>.");
    } else {
        error_set(&error, ERROR_PATH_RESERVED, "Paths that begin with /.berth/ belong to the host.");
        error_hint(&error, "Use another path.");
    }
    exchange_fail(exchange, &error);
}

/* A TRACE or OPTIONS request that may go no further than this gateway, or names no function at all. */
static void answer_last_hop(struct exchange *exchange)
{
    struct error error;
    if (exchange->request.method == HTTP_METHOD_OPTIONS) {
        exchange_answer_options(exchange);
        return;
    }
    error_set(&error, ERROR_TRACE_NOT_SERVED,
              "Max-Forwards: 0 ends this request at the gateway, which reflects none.");
    error_hint(&error, "With a larger number, or without the header, the function answers.");
    exchange_fail(exchange, &error);
}

/* The head is complete: finds out what is asked for. */
static void dispatch(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    exchange->times.head_ns = loop_now_ns(loop);
    exchange->keep_alive = exchange->request.keep_alive && client_may_stay(exchange->client);
    exchange->counted = true;
    counter_add(&loop->counters, COUNTER_REQUESTS, 1);
    counter_add(&loop->counters, COUNTER_REQUESTS_ACTIVE, 1);
    make_id(exchange);
    begin_body(exchange, HTTP_BODY_UNLIMITED); /* of a function, so far none */
    if (exchange->request.target_form == HTTP_TARGET_ASTERISK || http_hops_left(&exchange->request) == 0) {
        answer_last_hop(exchange);
        return;
    }
    enum target_kind kind = target_split(&exchange->request, &exchange->target);
    if (exchange->target.by_contract)
        begin_call(exchange);
    if (exchange->client->entrance && handover_check(exchange) < 0)
        return;
    if (async_begin(exchange, kind) < 0)
        return;
    if (kind == TARGET_FUNCTION || kind == TARGET_CALL)
        dispatch_to_function(exchange);
    else
        fail_no_function(exchange, kind);
}

static void refuse_head(struct exchange *exchange)
{
    make_own_id(exchange);
    exchange_fail_problem(exchange, exchange->parser.code);
}

void dispatch_read(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (!client_grow_in(client)) {
        exchange_cut(exchange, ERROR_GATEWAY_OUT_OF_MEMORY);
        return;
    }
    for (;;) {
        struct buffer *in = client->in;
        switch (http_head_parse(&exchange->parser, in->data, in->end)) {
        case HTTP_PARSE_DONE:
            dispatch(exchange);
            return;
        case HTTP_PARSE_ERROR:
            refuse_head(exchange);
            return;
        case HTTP_PARSE_MORE:
            break;
        }
        if (exchange->deadline.run_ms == TIMER_NEVER) {
            exchange->deadline.run_ms =
                loop_now_ms(exchange->loop) + exchange->loop->settings->head_timeout_ms;
            deadline_update(exchange);
        }
        enum client_receive got = client_receive(client, buffer_room(in)); /* see relay_request() */
        if (got == CLIENT_ENDED) {
            client_close(client, false);
            return;
        }
        if (got == CLIENT_NOTHING) {
            client_idle_in_head(client);
            client_shrink_in(client);
            exchange->request.bytes = client->in->data;
            return;
        }
    }
}

void dispatch_give_up(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_HEAD_TIMEOUT, "The request's head did not arrive in time.");
    error_hint(&error, "The limit is head_timeout: %u ms in the section `host`.",
               exchange->loop->settings->head_timeout_ms);
    make_own_id(exchange);
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}
