#include "gateway/receive.h"

#include "gateway/exchange.h"
#include "gateway/relay.h"
#include "gateway/worker.h"

#include <string.h>

/* Bytes of the body as they came, framing included. */
static size_t received_bytes(const struct exchange *exchange)
{
    return exchange->client->in->end - exchange->request.length;
}

static size_t limit_of(const struct exchange *exchange)
{
    return exchange->worker->shared->settings->request_buffer_bytes;
}

bool receive_is_wanted(const struct exchange *exchange)
{
    return !exchange->up.complete && exchange->limits.request_buffering &&
           received_bytes(exchange) < limit_of(exchange);
}

/* --- the buffer --- */

/* Of a buffer for so many bytes, but not more than will be needed. */
static size_t capacity_for(const struct exchange *exchange, size_t size)
{
    size_t most = exchange->request.length + limit_of(exchange);
    size_t capacity = exchange->worker->parts.capacity;
    while (capacity < size)
        capacity *= 2;
    return capacity < most || size > most ? capacity : most;
}

/* Of the next buffer for a body that flows. One of the worker's own costs less than one made for the purpose.
 */
static size_t larger_capacity(const struct exchange *exchange)
{
    const struct worker *worker = exchange->worker;
    size_t capacity = exchange->client->in->capacity;
    if (capacity >= worker->heads.capacity && capacity < worker->bodies.capacity)
        return worker->bodies.capacity;
    return capacity_for(exchange, capacity + 1);
}

/* Puts what was received into a buffer of that size. False: memory is out. */
static bool move_in(struct exchange *exchange, size_t capacity)
{
    struct worker *worker = exchange->worker;
    struct client *client = exchange->client;
    struct buffer *old = client->in;
    struct buffer *new = worker_take(worker, (uint32_t)capacity);
    if (!new)
        return false;
    memcpy(new->data, old->data, old->end);
    new->start = old->start;
    new->end = old->end;
    client->in = exchange->up.buffer = new;
    exchange_request_moved(exchange, old->data);
    worker_give(worker, &old);
    return true;
}

void receive_fail_no_memory(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "gateway", "buffer-memory", "There is no memory left to receive this request's body.");
    error_hint(&error, "The limit is buffer_memory in the section `host`. Try again later.");
    exchange->keep_alive = false;
    exchange_fail(exchange, 503, &error);
}

bool receive_rest(struct exchange *exchange)
{
    const struct buffer *in = exchange->client->in;
    size_t capacity = capacity_for(exchange, in->end);
    bool moves = 2 * capacity <= in->capacity;
    return backlog_hold_request(exchange, moves ? capacity : in->capacity) &&
           (!moves || move_in(exchange, capacity));
}

/* Puts the head and what came behind the request into a buffer of that size. */
static bool move_without_body(struct exchange *exchange, size_t capacity)
{
    struct worker *worker = exchange->worker;
    struct flow *up = &exchange->up;
    struct buffer *old = exchange->client->in;
    const char *head = exchange->request.bytes;
    size_t head_bytes = exchange->request.length, behind = old->end - up->raw;
    struct buffer *new = worker_take(worker, (uint32_t)capacity);
    if (!new)
        return false;
    memcpy(new->data, head, head_bytes);
    memcpy(new->data + head_bytes, old->data + up->raw, behind);
    new->start = up->ready = up->raw = (uint32_t)head_bytes;
    new->end = (uint32_t)(head_bytes + behind);
    exchange->client->in = up->buffer = new;
    exchange_request_moved(exchange, head);
    worker_give(worker, &exchange->request_bytes);
    worker_give(worker, &old);
    return true;
}

bool receive_forget_body(struct exchange *exchange)
{
    const struct buffer *in = exchange->client->in;
    if (!exchange->up.buffer)
        return true; /* refused before its body began */
    size_t capacity = capacity_for(exchange, exchange->request.length + in->end - exchange->up.raw);
    bool moves = exchange->request_bytes || 2 * capacity <= in->capacity;
    return backlog_hold_request(exchange, moves ? capacity : in->capacity) &&
           (!moves || move_without_body(exchange, capacity));
}

/* --- the body --- */

/* The client waits to be told to send its body. */
static bool say_continue(struct exchange *exchange)
{
    bool has_begun = received_bytes(exchange) > 0;
    exchange->request.expect_continue = false;
    exchange->continued = true;
    return has_begun || exchange_push_down(exchange, HTTP_TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
}

void receive_begin(struct exchange *exchange)
{
    exchange_enter(exchange, EXCHANGE_RECEIVE);
    exchange->run_due_ms = TIMER_NEVER;
    if (exchange->request.expect_continue && !say_continue(exchange))
        return;
    receive_more(exchange);
}

/* Receives what comes. CLIENT_ENDED: the exchange is over. */
static enum client_receive receive_some(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (buffer_room(client->in) == 0 && !move_in(exchange, larger_capacity(exchange))) {
        receive_fail_no_memory(exchange);
        return CLIENT_ENDED;
    }
    enum client_receive got = client_receive(client, buffer_room(client->in));
    if (got == CLIENT_ENDED)
        client_close(client, true);
    return got;
}

void receive_more(struct exchange *exchange)
{
    enum client_receive got;
    while ((got = receive_some(exchange)) == CLIENT_RECEIVED) {
        if (flow_scan(&exchange->up, exchange->worker) < 0) {
            exchange_fail_body(exchange);
            return;
        }
        if (exchange->up.complete || received_bytes(exchange) >= limit_of(exchange)) {
            exchange_take_slot(exchange);
            return;
        }
    }
    if (got == CLIENT_ENDED)
        return;
    if (receive_rest(exchange))
        exchange_update_deadline(exchange);
    else
        receive_fail_no_memory(exchange);
}
