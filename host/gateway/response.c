#include "gateway/response.h"

#include "base/container_of.h"
#include "gateway/bad_answer.h"
#include "gateway/deliver.h"
#include "gateway/fail.h"
#include "gateway/forward.h"
#include "gateway/lost.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void bad_response(struct exchange *exchange)
{
    struct error error;
    if (exchange->asking.what) {
        exchange_fail_desk(exchange, "gave an answer that is no HTTP");
        return;
    }
    bad_answer_describe(&exchange->parser, buffer_size(exchange->received), &error);
    exchange_fail_instance(exchange, &error);
}

static void upgrade_unasked(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_UPGRADE_UNASKED,
              "The runner's answer is not valid HTTP: 101 without an Upgrade in the request.");
    error_hint(&error, "docs/runner-protocol.md says what a runner may answer.");
    exchange_fail(exchange, &error);
}

/* Receives from the slot into `received`. Returns the bytes, 0: nothing now, -1: the connection has ended. A
 * short read does not say that nothing is left: a runner that is killed with unread bytes ends in an error,
 * which comes together with its last bytes and without EV_CLOSED. */
static ssize_t receive(struct exchange *exchange, size_t room)
{
    struct slot_watch *watch = exchange->hold.watch;
    struct buffer *buffer = exchange->received;
    ssize_t size = recv(exchange->hold.slot->fd, buffer->data + buffer->end, flow_piece(room), MSG_DONTWAIT);
    if (size > 0) {
        buffer->end += (uint32_t)size;
        return size;
    }
    watch->readable = false;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    watch->closed = true;
    watch->broke = watch->broke || size < 0;
    return -1;
}

/* --- the head --- */

/* Passes 100 and 103 on. HTTP/1.0 knows no interim responses. */
static bool forward_interim(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    const struct http_response_edit edit = {.client_minor = exchange->request.version_minor,
                                            .keep_alive = true};
    exchange->answering.early = true;
    if (exchange->request.version_minor == 0)
        return true;
    struct http_writer writer = outbox_writer(&loop->outbox);
    http_write_response(&writer, &exchange->response, &edit);
    http_write_end(&writer);
    return deliver_interim(exchange, outbox_written(&loop->outbox, &writer));
}

static enum flow_mode mode_towards(const struct http_head *response, enum http_framing framing)
{
    if (response->framing == HTTP_FRAMING_UNTIL_CLOSE && framing == HTTP_FRAMING_CHUNKED)
        return FLOW_WRAP;
    return framing == HTTP_FRAMING_CHUNKED ? FLOW_RAW : FLOW_PLAIN;
}

static void begin_stream(struct exchange *exchange)
{
    exchange->answering.is_stream = true;
    deadline_start_stream(exchange);
}

/* Both sides become byte streams. What the client sent behind its request goes first. */
static void begin_tunnel(struct exchange *exchange, uint32_t at)
{
    exchange_enter(exchange, EXCHANGE_TUNNEL);
    begin_stream(exchange);
    exchange->keep_alive = false;
    http_body_clear(&exchange->up.body);
    http_body_init(&exchange->up.body, HTTP_FRAMING_UNTIL_CLOSE, -1, HTTP_BODY_UNLIMITED);
    exchange->up.mode = FLOW_PLAIN;
    exchange->up.complete = false;
    flow_scan(&exchange->up);
    client_postpone(exchange->client);
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
        begin_stream(exchange);
    if (framing == HTTP_FRAMING_UNTIL_CLOSE || !exchange->up.complete || exchange->sending.broken ||
        exchange->loop->phase >= LOOP_DRAINING)
        exchange->keep_alive = false;
}

static void on_turn_end(struct outbox_item *item)
{
    struct flow *down = container_of(item, struct flow, kept);
    response_relay(container_of(down, struct exchange, down));
}

static const struct outbox_handler kept_handler = {.on_sent = flow_kept_sent, .on_turn_end = on_turn_end};

/* The whole response waits for the end of the turn. Neither the slot nor the buffer does. */
static void hold_response(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    exchange_free_slot(exchange);
    loop_give(loop, &exchange->received);
    exchange->down.buffer = NULL;
    outbox_add_response(&loop->outbox, &exchange->down.kept, exchange->client->fd, &kept_handler);
}

/* The final head is there. */
static void begin_response(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
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
    struct http_writer writer = outbox_writer(&loop->outbox);
    forward_response_head(&writer, exchange, &edit, loop_now_ns(loop) - exchange->times.slot_ns);
    exchange->status = response->status;
    if (flow_scan(&exchange->down) < 0) {
        exchange_cut(exchange, ERROR_RUNNER_PROTOCOL);
        return;
    }
    struct http_text head = outbox_written(&loop->outbox, &writer);
    if (exchange->down.complete && !backlog_has_chunks(&exchange->backlog) &&
        flow_keep(&exchange->down, &head))
        hold_response(exchange);
    else if (deliver(exchange, head))
        response_relay(exchange);
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
                                       HTTP_HEADERS_DEFAULT, &exchange->all->response_limits,
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
    if (buffer_size(exchange->received) == 0 && !exchange->answering.early) {
        loop_give(exchange->loop, &exchange->received);
        lost_unanswered(exchange);
        return;
    }
    lost_in_answer(exchange);
}

/* The first byte of the answer. */
static void note_reply(struct exchange *exchange)
{
    exchange->times.reply_ns = loop_now_ns(exchange->loop);
    exchange->loss.unreached_ms = 0;
}

void response_read(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    while (exchange->hold.watch->readable) {
        if (!exchange->received)
            exchange->received = buffer_take(&loop->bodies);
        if (!exchange->received) {
            exchange_cut(exchange, ERROR_GATEWAY_OUT_OF_MEMORY);
            return;
        }
        ssize_t size = receive(exchange, room_for_head(exchange->received));
        if (size > 0 && exchange->times.reply_ns == 0)
            note_reply(exchange);
        if (size < 0) {
            response_ended(exchange);
            return;
        }
        if (size > 0 && !parse_response(exchange))
            return;
    }
    if (exchange->received && buffer_size(exchange->received) == 0)
        loop_give(loop, &exchange->received);
    deadline_update(exchange);
}

/* --- the body --- */

enum pull {
    PULL_MORE,
    PULL_NOTHING, /* not now */
    PULL_OVER, /* the exchange has ended */
};

/* Whether the end of the connection can be that of the body: a reset cannot, wherever the body says that it
 * ends. What goes through a tunnel says so itself. */
static bool ends_in_order(struct exchange *exchange)
{
    bool is_lost = !exchange->received || exchange->hold.watch->broke;
    if (is_lost && exchange->state != EXCHANGE_TUNNEL && !exchange->down.complete)
        return false;
    return flow_end_of_stream(&exchange->down);
}

/* Receives and looks at more of the response. */
static enum pull pull_down(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    struct flow *down = &exchange->down;
    if (!exchange->hold.watch->readable)
        return PULL_NOTHING;
    if (!exchange->received) {
        exchange->received = down->buffer = buffer_take(&loop->bodies);
        down->ready = down->raw = 0;
    }
    ssize_t size = exchange->received ? receive(exchange, flow_make_room(down)) : -1;
    if (size == 0)
        return PULL_NOTHING;
    bool good = size > 0 ? flow_scan(down) == 0 : ends_in_order(exchange);
    if (good)
        return PULL_MORE;
    exchange_cut(exchange, exchange->asking.what
                               ? ERROR_CALLS_UNAVAILABLE
                               : ERROR_RUNNER_LOST); /* the client must not take it for the end */
    return PULL_OVER;
}

/* Nothing is there to be relayed: holds no buffer while waiting. */
static void rest_down(struct exchange *exchange)
{
    loop_give(exchange->loop, &exchange->received);
    exchange->down.buffer = NULL;
    deadline_update(exchange);
}

void response_relay(struct exchange *exchange)
{
    for (int turn = 0; turn < FLOW_TURNS_MAX; turn++) {
        if (!deliver(exchange, HTTP_TEXT("")))
            return;
        enum pull pulled = pull_down(exchange);
        if (pulled == PULL_NOTHING)
            rest_down(exchange);
        if (pulled != PULL_MORE)
            return;
    }
    exchange->answering.resume = true;
    client_postpone(exchange->client);
}
