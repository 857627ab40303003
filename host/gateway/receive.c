#include "gateway/receive.h"

#include "gateway/acquire.h"
#include "gateway/deliver.h"
#include "gateway/fail.h"
#include "gateway/request_bytes.h"

/* Bytes of the body as they came, framing included. */
static size_t received_bytes(const struct exchange *exchange)
{
    return exchange->client->in->end - exchange->request.length;
}

static size_t limit_of(const struct exchange *exchange)
{
    return exchange->loop->settings->request_buffer_bytes;
}

/* The desk does not say whether it wants a body: it takes all. */
static bool is_to_continue(const struct exchange *exchange)
{
    return exchange->request.expect_continue && exchange->asking.what;
}

bool receive_is_wanted(const struct exchange *exchange)
{
    return !exchange->up.complete && exchange->limits.request_buffering &&
           (received_bytes(exchange) < limit_of(exchange) || is_to_continue(exchange));
}

/* The client waits to be told to send its body. */
static bool say_continue(struct exchange *exchange)
{
    bool has_begun = received_bytes(exchange) > 0;
    exchange->request.expect_continue = false;
    exchange->sending.continued = true;
    return has_begun || deliver(exchange, HTTP_TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
}

void receive_begin(struct exchange *exchange)
{
    exchange_enter(exchange, EXCHANGE_RECEIVE);
    exchange->deadline.run_ms = TIMER_NEVER;
    if (exchange->request.expect_continue && !say_continue(exchange))
        return;
    receive_more(exchange);
}

/* Receives what comes. CLIENT_ENDED: the exchange is over. */
static enum client_receive receive_some(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (buffer_room(client->in) == 0 && !request_bytes_grow(exchange)) {
        exchange_fail_no_memory(exchange);
        return CLIENT_ENDED;
    }
    enum client_receive got = client_receive(client, buffer_room(client->in));
    if (got == CLIENT_ENDED)
        client_close(client, true);
    return got;
}

/* As much of the body as is wanted is there. */
static void go_on(struct exchange *exchange)
{
    struct slot_pool *pool = acquire_pool(exchange);
    if (pool)
        acquire_slot(exchange, pool);
}

void receive_more(struct exchange *exchange)
{
    enum client_receive got;
    while ((got = receive_some(exchange)) == CLIENT_RECEIVED) {
        if (exchange_scan_body(exchange) < 0) {
            exchange_fail_body(exchange);
            return;
        }
        if (exchange->up.complete || received_bytes(exchange) >= limit_of(exchange)) {
            go_on(exchange);
            return;
        }
    }
    if (got == CLIENT_ENDED)
        return;
    if (request_bytes_shrink(exchange))
        deadline_update(exchange);
    else
        exchange_fail_no_memory(exchange);
}
