#include "gateway/request_bytes.h"

#include "gateway/exchange.h"

#include <string.h>

/* The request's bytes are no longer at `old` but in client->in: whoever points into them looks again. */
static void note_moved(struct exchange *exchange, const char *old)
{
    struct http_head *head = &exchange->request;
    head->bytes = exchange->client->in->data;
    target_split(head, &exchange->target);
    if (exchange->id.data != exchange->made_id)
        exchange->id.data = head->bytes + (exchange->id.data - old);
}

/* Of a buffer for so many bytes, but not more than will be needed. */
static size_t capacity_for(const struct exchange *exchange, size_t size)
{
    size_t most = exchange->request.length + exchange->loop->settings->request_buffer_bytes;
    size_t capacity = exchange->loop->parts.capacity;
    while (capacity < size)
        capacity *= 2;
    return capacity < most || size > most ? capacity : most;
}

/* Of the next buffer for a body that flows. One of the worker's own costs less than one made for the purpose.
 */
static size_t larger_capacity(const struct exchange *exchange)
{
    const struct loop *loop = exchange->loop;
    size_t capacity = exchange->client->in->capacity;
    if (capacity >= loop->heads.capacity && capacity < loop->bodies.capacity)
        return loop->bodies.capacity;
    return capacity_for(exchange, capacity + 1);
}

/* Puts what was received into a buffer of that size. False: memory is out. */
static bool move_in(struct exchange *exchange, size_t capacity)
{
    struct loop *loop = exchange->loop;
    struct client *client = exchange->client;
    struct buffer *old = client->in;
    struct buffer *new = loop_take(loop, (uint32_t)capacity);
    if (!new)
        return false;
    memcpy(new->data, old->data, old->end);
    new->start = old->start;
    new->end = old->end;
    client->in = exchange->up.buffer = new;
    note_moved(exchange, old->data);
    loop_give(loop, &old);
    return true;
}

bool request_bytes_grow(struct exchange *exchange)
{
    return move_in(exchange, larger_capacity(exchange));
}

bool request_bytes_shrink(struct exchange *exchange)
{
    const struct buffer *in = exchange->client->in;
    size_t capacity = capacity_for(exchange, in->end);
    bool moves = 2 * capacity <= in->capacity;
    return backlog_hold_request(&exchange->backlog, moves ? capacity : in->capacity) &&
           (!moves || move_in(exchange, capacity));
}

/* Puts the head and what came behind the request into a buffer of that size. */
static bool move_without_body(struct exchange *exchange, size_t capacity)
{
    struct loop *loop = exchange->loop;
    struct flow *up = &exchange->up;
    struct buffer *old = exchange->client->in;
    const char *head = exchange->request.bytes;
    size_t head_bytes = exchange->request.length, behind = old->end - up->raw;
    struct buffer *new = loop_take(loop, (uint32_t)capacity);
    if (!new)
        return false;
    memcpy(new->data, head, head_bytes);
    memcpy(new->data + head_bytes, old->data + up->raw, behind);
    new->start = up->ready = up->raw = (uint32_t)head_bytes;
    new->end = (uint32_t)(head_bytes + behind);
    exchange->client->in = up->buffer = new;
    note_moved(exchange, head);
    loop_give(loop, &exchange->request_bytes);
    loop_give(loop, &old);
    return true;
}

bool request_bytes_drop_body(struct exchange *exchange)
{
    const struct buffer *in = exchange->client->in;
    if (!exchange->up.buffer)
        return true; /* refused before its body began */
    size_t capacity = capacity_for(exchange, exchange->request.length + in->end - exchange->up.raw);
    bool moves = exchange->request_bytes || 2 * capacity <= in->capacity;
    return backlog_hold_request(&exchange->backlog, moves ? capacity : in->capacity) &&
           (!moves || move_without_body(exchange, capacity));
}
