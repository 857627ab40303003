#include "gateway/relay.h"

#include "base/log.h"
#include "gateway/access_log.h"
#include "gateway/bad_answer.h"
#include "gateway/forward.h"
#include "gateway/lost.h"
#include "gateway/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Streams move in pieces of at most this size, smaller than a buffer: a piece is still in the processor's
 * cache when it is sent, and the receiver works on it while the next is on its way. 64 KiB and a head are two
 * pieces. */
#define PIECE_MAX 40960

/* After so many pieces others get their turn. */
#define TURNS_MAX 32

static void read_response(struct exchange *exchange);

/* --- the slot --- */

/* Whether the connection is in a state that another request can follow. */
static bool slot_is_clean(const struct exchange *exchange)
{
    const struct flow *up = &exchange->up, *down = &exchange->down;
    bool sent = up->complete && !flow_has_output(up) && !exchange->up_broken;
    bool nothing_more = !down->buffer || down->raw == down->buffer->end;
    return sent && nothing_more && exchange->response.keep_alive && !exchange->watch->closed;
}

void relay_drop_slot(struct exchange *exchange, enum slot_fate fate)
{
    struct slot *slot = exchange->slot;
    struct slot_watch *watch = exchange->watch;
    struct worker *worker = exchange->worker;
    if (!slot)
        return;
    if (fate == SLOT_REUSABLE && !slot_is_clean(exchange))
        fate = SLOT_BROKEN;
    if (fate == SLOT_BROKEN && watch->closed)
        fate = SLOT_DROPPED;
    uint64_t service_us = (worker_now_ns(worker) - exchange->acquired_ns) / 1000 + 1;
    outbox_forget(exchange); /* a request that has not gone out */
    exchange->up.kept.length = 0;
    watch->exchange = NULL;
    exchange->slot = NULL;
    exchange->watch = NULL;
    if (fate != SLOT_REUSABLE)
        slot_link_detach(watch);
    slot_pool_release(slot, fate, worker_now_ms(worker), exchange->sent > 0 ? service_us : 0);
}

void relay_end(struct exchange *exchange)
{
    if (!exchange->slot)
        return;
    relay_drop_slot(exchange, SLOT_REUSABLE);
    deadline_end_run(exchange);
}

/* The connection died before one byte of an answer. The request goes to another slot when the runner cannot
 * have acted on it; else it depends on why. */
static void slot_lost(struct exchange *exchange)
{
    bool untouched = exchange->sent == 0;
    bool whole = !exchange->up_recycled && !exchange->up.moved && !exchange->answered_early;
    bool harmless = !exchange->repeated && http_method_is_idempotent(exchange->request.method);
    relay_drop_slot(exchange, untouched ? SLOT_DROPPED : SLOT_LOST);
    worker_give(exchange->worker, &exchange->up.head);
    worker_give(exchange->worker, &exchange->up.tail);
    if (untouched && whole)
        relay_again(exchange);
    else
        lost_begin(exchange, "The function's runner closed the connection without an answer.",
                   whole && harmless);
}

void relay_again(struct exchange *exchange)
{
    counter_add(&exchange->worker->counters.retries, 1);
    exchange_acquire(exchange);
}

static void bad_response(struct exchange *exchange)
{
    struct error error;
    bad_answer_describe(&exchange->parser, buffer_size(exchange->received), &error);
    exchange_fail(exchange, 502, &error);
}

static void upgrade_unasked(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "runner", "upgrade-unasked",
              "The runner's answer is not valid HTTP: 101 without an Upgrade in the request.");
    error_hint(&error, "docs/runner-protocol.md says what a runner may answer.");
    exchange_fail(exchange, 502, &error);
}

static size_t one_piece(size_t room)
{
    return room < PIECE_MAX ? room : PIECE_MAX;
}

/* Receives from the slot into `received`. Returns the bytes, 0: nothing now, -1: the connection has ended. A
 * short read does not say that nothing is left: a runner that is killed with unread bytes ends in an error,
 * which comes together with its last bytes and without EV_CLOSED. */
static ssize_t receive(struct exchange *exchange, size_t room)
{
    struct slot_watch *watch = exchange->watch;
    struct buffer *buffer = exchange->received;
    ssize_t size = recv(exchange->slot->fd, buffer->data + buffer->end, one_piece(room), MSG_DONTWAIT);
    if (size > 0) {
        buffer->end += (uint32_t)size;
        return size;
    }
    watch->readable = false;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    watch->closed = true;
    return -1;
}

/* --- the request --- */

/* The runner takes no more. It may have answered before it closed. */
static void stop_sending(struct exchange *exchange)
{
    if (exchange->sent == 0) {
        slot_lost(exchange);
        return;
    }
    exchange->up_broken = true;
    exchange->watch->readable = true;
    if (exchange->state == EXCHANGE_AWAIT_HEAD)
        read_response(exchange);
    else
        relay_down(exchange);
}

/* False: blocked, or the runner takes no more; the exchange may be over. */
static bool push_up(struct exchange *exchange, struct http_text head)
{
    if (exchange->up.kept.length > 0)
        outbox_forget(exchange);
    switch (flow_write(&exchange->up, exchange->worker, exchange->slot->fd, head, &exchange->sent)) {
    case FLOW_WRITTEN:
        return true;
    case FLOW_BLOCKED:
        slot_link_want_write(exchange->watch);
        exchange_update_deadline(exchange);
        return false;
    case FLOW_BROKEN:
        stop_sending(exchange);
        return false;
    }
    return false;
}

void relay_start(struct exchange *exchange, struct slot *slot)
{
    struct worker *worker = exchange->worker;
    struct slot_watch *watch = slot_link_attach(worker, slot);
    exchange_enter(exchange, EXCHANGE_AWAIT_HEAD);
    exchange->instance = slot_instance(slot);
    if (!watch) {
        struct error error;
        slot_pool_release(slot, SLOT_BROKEN, worker_now_ms(worker), 0);
        error_set(&error, "gateway", "out-of-resources", "The gateway cannot watch another connection.");
        error_hint(&error, "Raise the limit of open files, or try again later.");
        exchange_fail(exchange, 503, &error);
        return;
    }
    watch->exchange = exchange;
    exchange->slot = slot;
    exchange->watch = watch;
    exchange->acquired_ns = worker_now_ns(worker);
    exchange->sent = 0;
    deadline_start_run(exchange);
    if (watch->closed) {
        slot_lost(exchange);
        return;
    }
    http_head_parser_init_response(&exchange->parser, &exchange->response, exchange->response_headers,
                                   HTTP_HEADERS_DEFAULT, &worker->response_limits, exchange->request.method);
    struct http_writer writer = outbox_writer(&worker->outbox);
    forward_request_head(&writer, exchange);
    if (writer.full) { /* cannot be with the sizes of worker.c; a half-written head must never go out */
        client_close(exchange->client, true);
        return;
    }
    struct http_text head = outbox_written(&worker->outbox, &writer);
    if (flow_keep(&exchange->up, worker, &head))
        outbox_hold_request(&worker->outbox, exchange);
    else if (push_up(exchange, head))
        relay_up(exchange);
}

/* Where the next bytes of the body may go. The first buffer keeps what it has, so that the request can be
 * sent again; once it is full the rest goes through a larger one. */
static size_t room_for_body(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (exchange->up_recycled)
        return flow_make_room(&exchange->up);
    if (buffer_room(client->in) > 0)
        return buffer_room(client->in);
    struct buffer *larger = buffer_take(&exchange->worker->bodies);
    if (!larger)
        return 0;
    exchange->request_bytes = client->in;
    exchange->up_recycled = true;
    client->in = exchange->up.buffer = larger;
    exchange->up.ready = exchange->up.raw = 0;
    return buffer_room(larger);
}

/* Receives and looks at more of the body. False: nothing came, or the exchange is over. */
static bool pull_up(struct exchange *exchange)
{
    struct client *client = exchange->client;
    size_t room = room_for_body(exchange);
    enum client_receive got = room > 0 ? client_receive(client, one_piece(room)) : CLIENT_ENDED;
    if (got == CLIENT_ENDED) {
        client_close(client, true);
        return false;
    }
    if (got == CLIENT_NOTHING) {
        exchange_update_deadline(exchange);
        return false;
    }
    if (flow_scan(&exchange->up, exchange->worker) < 0) {
        exchange_fail_body(exchange);
        return false;
    }
    return true;
}

/* Receives until nothing comes, even behind a short read: a reset may have come together with the last bytes.
 * A complete request needs no such look, because its answer finds out. */
void relay_up(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (!exchange->slot || exchange->up_broken)
        return;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        if (!push_up(exchange, HTTP_TEXT("")))
            return;
        if (exchange->up.complete) {
            exchange_update_deadline(exchange);
            return;
        }
        if (!pull_up(exchange))
            return;
    }
    worker_postpone(exchange->worker, client);
}

/* --- the response --- */

/* Passes 100 and 103 on. HTTP/1.0 knows no interim responses. */
static bool forward_interim(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    const struct http_response_edit edit = {.client_minor = exchange->request.version_minor,
                                            .keep_alive = true};
    exchange->answered_early = true;
    if (exchange->request.version_minor == 0)
        return true;
    struct http_writer writer = outbox_writer(&worker->outbox);
    http_write_response(&writer, &exchange->response, &edit);
    http_write_end(&writer);
    enum flow_write result = spool_write(exchange, outbox_written(&worker->outbox, &writer));
    if (result == FLOW_BROKEN)
        client_close(exchange->client, true);
    if (result == FLOW_BLOCKED)
        client_want_write(exchange->client);
    return result != FLOW_BROKEN;
}

static enum flow_mode mode_towards(const struct http_head *response, enum http_framing framing)
{
    if (response->framing == HTTP_FRAMING_UNTIL_CLOSE && framing == HTTP_FRAMING_CHUNKED)
        return FLOW_WRAP;
    return framing == HTTP_FRAMING_CHUNKED ? FLOW_RAW : FLOW_PLAIN;
}

/* Both sides become byte streams. What the client sent behind its request goes first. */
static void begin_tunnel(struct exchange *exchange, uint32_t at)
{
    struct worker *worker = exchange->worker;
    exchange_enter(exchange, EXCHANGE_TUNNEL);
    deadline_start_stream(exchange);
    exchange->keep_alive = false;
    http_body_clear(&exchange->up.body);
    http_body_init(&exchange->up.body, HTTP_FRAMING_UNTIL_CLOSE, -1, HTTP_BODY_UNLIMITED);
    exchange->up.mode = FLOW_PLAIN;
    exchange->up.complete = false;
    flow_scan(&exchange->up, worker);
    worker_postpone(worker, exchange->client);
    http_body_init(&exchange->down.body, HTTP_FRAMING_UNTIL_CLOSE, -1, HTTP_BODY_UNLIMITED);
    flow_begin(&exchange->down, FLOW_PLAIN, exchange->received, at);
}

/* Answers that say something now and then. Those of a length that is known are none. */
static bool is_stream(const struct http_head *response)
{
    if (response->framing != HTTP_FRAMING_CHUNKED && response->framing != HTTP_FRAMING_UNTIL_CLOSE)
        return false;
    static const char *const types[] = {"text/event-stream", "application/x-ndjson",
                                        "multipart/x-mixed-replace"};
    const struct http_header *header = http_head_find(response, HTTP_HEADER_CONTENT_TYPE);
    struct http_text type = header ? http_head_value(response, header) : HTTP_TEXT("");
    size_t length = 0;
    while (length < type.length && type.data[length] != ';' && type.data[length] != ' ' &&
           type.data[length] != '\t')
        length++;
    type.length = length;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (http_text_equal_nocase(type, http_text_make(types[i], strlen(types[i]))))
            return true;
    }
    return false;
}

static void begin_relay(struct exchange *exchange, enum http_framing framing, uint32_t at)
{
    exchange_enter(exchange, EXCHANGE_RELAY);
    http_body_init_head(&exchange->down.body, &exchange->response, HTTP_BODY_UNLIMITED);
    flow_begin(&exchange->down, mode_towards(&exchange->response, framing), exchange->received, at);
    if (is_stream(&exchange->response))
        deadline_start_stream(exchange);
    if (framing == HTTP_FRAMING_UNTIL_CLOSE || !exchange->up.complete || exchange->up_broken ||
        exchange->worker->phase != WORKER_SERVING)
        exchange->keep_alive = false;
}

/* The whole response waits for the end of the turn. Neither the slot nor the buffer does. */
static void hold_response(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    relay_end(exchange);
    worker_give(worker, &exchange->received);
    exchange->down.buffer = NULL;
    outbox_hold_response(&worker->outbox, exchange);
}

/* The final head is there. */
static void begin_response(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    const struct http_head *response = &exchange->response;
    uint32_t at = exchange->received->start + response->length;
    enum http_framing framing = http_response_framing(response, exchange->request.version_minor);
    if (response->status == 101)
        begin_tunnel(exchange, at);
    else
        begin_relay(exchange, framing, at);

    const struct http_response_edit edit = {.framing = (uint8_t)framing,
                                            .client_minor = exchange->request.version_minor,
                                            .keep_alive = exchange->keep_alive};
    struct http_writer writer = outbox_writer(&worker->outbox);
    forward_response_head(&writer, exchange, &edit, worker_now_ns(worker) - exchange->acquired_ns);
    exchange->status = response->status;
    counter_add(&worker->counters.responses[response->status / 100], 1);
    if (response->status >= 500)
        access_log_function_error(exchange);
    if (flow_scan(&exchange->down, worker) < 0) {
        client_close(exchange->client, true);
        return;
    }
    struct http_text head = outbox_written(&worker->outbox, &writer);
    if (exchange->down.complete && !backlog_has_chunks(exchange) && flow_keep(&exchange->down, worker, &head))
        hold_response(exchange);
    else if (exchange_push_down(exchange, head))
        relay_down(exchange);
}

/* Parses what is there. True: more is needed. */
static bool parse_response(struct exchange *exchange)
{
    struct buffer *buffer = exchange->received;
    while (buffer_size(buffer) > 0) {
        enum http_parse result =
            http_head_parse(&exchange->parser, buffer->data + buffer->start, buffer_size(buffer));
        if (result == HTTP_PARSE_MORE)
            return true;
        if (result == HTTP_PARSE_ERROR) {
            bad_response(exchange);
            return false;
        }
        int status = exchange->response.status;
        if (status == 101 && !exchange->request.upgrade) {
            upgrade_unasked(exchange);
            return false;
        }
        if (status >= 200 || status == 101) {
            begin_response(exchange);
            return false;
        }
        if (!forward_interim(exchange))
            return false;
        buffer->start += exchange->response.length;
        http_head_parser_init_response(&exchange->parser, &exchange->response, exchange->response_headers,
                                       HTTP_HEADERS_DEFAULT, &exchange->worker->response_limits,
                                       exchange->request.method);
    }
    return true;
}

/* Room behind what is left of the head. */
static size_t room_for_head(struct buffer *buffer)
{
    if (buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, buffer_size(buffer));
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    return buffer_room(buffer);
}

static void response_ended(struct exchange *exchange)
{
    if (buffer_size(exchange->received) == 0 && !exchange->answered_early) {
        worker_give(exchange->worker, &exchange->received);
        slot_lost(exchange);
        return;
    }
    lost_begin(exchange, "The function's runner closed the connection within its answer.", false);
}

static void read_response(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    while (exchange->watch->readable) {
        if (!exchange->received)
            exchange->received = buffer_take(&worker->bodies);
        if (!exchange->received) {
            client_close(exchange->client, true);
            return;
        }
        ssize_t size = receive(exchange, room_for_head(exchange->received));
        if (size < 0) {
            response_ended(exchange);
            return;
        }
        if (size > 0 && !parse_response(exchange))
            return;
    }
    if (exchange->received && buffer_size(exchange->received) == 0)
        worker_give(worker, &exchange->received);
    exchange_update_deadline(exchange);
}

enum pull {
    PULL_MORE,
    PULL_NOTHING, /* not now */
    PULL_OVER,    /* the exchange has ended */
};

/* Receives and looks at more of the response. */
static enum pull pull_down(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    struct flow *down = &exchange->down;
    if (!exchange->watch->readable)
        return PULL_NOTHING;
    if (!exchange->received) {
        exchange->received = down->buffer = buffer_take(&worker->bodies);
        down->ready = down->raw = 0;
    }
    ssize_t size = exchange->received ? receive(exchange, flow_make_room(down)) : -1;
    if (size == 0)
        return PULL_NOTHING;
    bool good = size > 0 ? flow_scan(down, worker) == 0 : flow_end_of_stream(down, worker);
    if (good)
        return PULL_MORE;
    client_close(exchange->client, true); /* ended too early: the client must not take it for the end */
    return PULL_OVER;
}

/* Nothing is there to be relayed: holds no buffer while waiting. */
static void rest_down(struct exchange *exchange)
{
    worker_give(exchange->worker, &exchange->received);
    exchange->down.buffer = NULL;
    exchange_update_deadline(exchange);
}

void relay_down(struct exchange *exchange)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        if (!exchange_push_down(exchange, HTTP_TEXT("")))
            return;
        enum pull pulled = pull_down(exchange);
        if (pulled == PULL_NOTHING)
            rest_down(exchange);
        if (pulled != PULL_MORE)
            return;
    }
    exchange->resume_down = true;
    worker_postpone(exchange->worker, exchange->client);
}

/* --- events --- */

void exchange_slot_readable(struct exchange *exchange)
{
    if (exchange->up.kept.length > 0 && !slot_link_is_quiet(exchange->watch))
        slot_lost(exchange);
    else if (exchange->state == EXCHANGE_AWAIT_HEAD)
        read_response(exchange);
    else if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL)
        relay_down(exchange);
}

void exchange_slot_writable(struct exchange *exchange)
{
    relay_up(exchange);
}
