#include "gateway/relay.h"

#include "base/container_of.h"
#include "gateway/fail.h"
#include "gateway/forward.h"
#include "gateway/lost.h"
#include "gateway/response.h"

#include <errno.h>
#include <stddef.h>

/* The runner takes no more. It may have answered before it closed. Of a reset the kernel tells once. */
static void stop_sending(struct exchange *exchange, bool was_reset)
{
    if (was_reset)
        exchange->hold.watch->broke = true;
    if (exchange->up.written == 0) {
        lost_unanswered(exchange);
        return;
    }
    exchange->sending.broken = true;
    exchange->hold.watch->readable = true;
    if (exchange->state == EXCHANGE_AWAIT_HEAD)
        response_read(exchange);
    else
        response_relay(exchange);
}

/* False: blocked, or the runner takes no more; the exchange may be over. */
static bool push_up(struct exchange *exchange, struct http_text head)
{
    errno = 0;
    switch (flow_write(&exchange->up, exchange->hold.slot->fd, head)) {
    case FLOW_WRITTEN:
        return true;
    case FLOW_BLOCKED:
        slot_link_want_write(exchange->hold.watch);
        deadline_update(exchange);
        return false;
    case FLOW_BROKEN:
        stop_sending(exchange, errno == ECONNRESET);
        return false;
    }
    return false;
}

/* Where the next bytes of the body may go. The first buffer keeps what it has, so that the request can be
 * sent again; once it is full the rest goes through a larger one. */
static size_t room_for_body(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (exchange->sending.recycled)
        return flow_make_room(&exchange->up);
    if (buffer_room(client->in) > 0)
        return buffer_room(client->in);
    struct buffer *larger = buffer_take(&exchange->loop->bodies);
    if (!larger)
        return 0;
    exchange->request_bytes = client->in;
    exchange->sending.recycled = true;
    client->in = exchange->up.buffer = larger;
    exchange->up.ready = exchange->up.raw = 0;
    return buffer_room(larger);
}

/* Receives and looks at more of the body. False: nothing came, or the exchange is over. */
static bool pull_up(struct exchange *exchange)
{
    struct client *client = exchange->client;
    size_t room = room_for_body(exchange);
    enum client_receive got = room > 0 ? client_receive(client, flow_piece(room)) : CLIENT_ENDED;
    if (got == CLIENT_ENDED) {
        client_close(client, true);
        return false;
    }
    if (got == CLIENT_NOTHING) {
        deadline_update(exchange);
        return false;
    }
    if (exchange_scan_body(exchange) < 0) {
        exchange_fail_body(exchange);
        return false;
    }
    return true;
}

/* Receives until nothing comes, even behind a short read: a reset may have come together with the last bytes.
 * A complete request needs no such look, because its answer finds out, and no turn of its own for what is
 * left to write: nothing of the client brings it back here. */
void relay_request(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (!exchange->hold.slot || exchange->sending.broken)
        return;
    for (int turn = 0; turn < FLOW_TURNS_MAX || exchange->up.complete; turn++) {
        if (!push_up(exchange, HTTP_TEXT("")))
            return;
        if (exchange->up.complete) {
            deadline_update(exchange);
            return;
        }
        if (!pull_up(exchange))
            return;
    }
    client_postpone(client);
}

/* --- events --- */

static void on_turn_end(struct outbox_item *item)
{
    struct flow *up = container_of(item, struct flow, kept);
    relay_request(container_of(up, struct exchange, up));
}

static void on_readable(void *user)
{
    struct exchange *exchange = user;
    if (exchange->up.kept.message.length > 0 && !slot_link_is_quiet(exchange->hold.watch))
        lost_unanswered(exchange);
    else if (exchange->state == EXCHANGE_AWAIT_HEAD)
        response_read(exchange);
    else if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL)
        response_relay(exchange);
}

static void on_writable(void *user)
{
    relay_request(user);
}

static const struct outbox_handler kept_handler = {.on_sent = flow_kept_sent, .on_turn_end = on_turn_end};
static const struct slot_handler slot_handler = {.on_readable = on_readable, .on_writable = on_writable};

/* --- the start --- */

/* The slot's connection cannot be watched. */
static void fail_watch(struct exchange *exchange, struct slot *slot)
{
    struct error error;
    slot_pool_release(slot, slot->address ? SLOT_REUSABLE : SLOT_BROKEN, loop_now_ms(exchange->loop), 0);
    error_set_in(&error, COMPONENT_GATEWAY, ERROR_OUT_OF_RESOURCES,
                 "The gateway cannot watch another connection.");
    error_hint(&error, "Raise the limit of open files, or try again later.");
    exchange_fail(exchange, &error);
}

static enum slot_connection connection_for(const struct exchange *exchange)
{
    if (exchange->sending.fresh)
        return CONNECTION_NEW;
    if (exchange->asking.what)
        return CONNECTION_ANY;
    if (!exchange->up.complete)
        return CONNECTION_NEW;
    return http_method_is_idempotent(exchange->request.method) ? CONNECTION_ANY : CONNECTION_PROVEN;
}

static struct slot_watch *watch_slot(struct exchange *exchange, struct slot *slot)
{
    struct slot_links *links = &exchange->all->links;
    if (!slot->address)
        return slot_link_attach(links, slot);
    return slot_link_connect(links, slot, connection_for(exchange));
}

void relay_start(struct exchange *exchange, struct slot *slot)
{
    struct loop *loop = exchange->loop;
    struct slot_watch *watch = watch_slot(exchange, slot);
    exchange_enter(exchange, EXCHANGE_AWAIT_HEAD);
    exchange->hold.instance = slot_instance(slot);
    exchange->revision = slot_pool_revision(slot->pool);
    if (!watch) {
        fail_watch(exchange, slot);
        return;
    }
    slot_link_set_user(watch, &slot_handler, exchange);
    exchange->hold.slot = slot;
    exchange->hold.watch = watch;
    exchange->times.slot_ns = loop_now_ns(loop);
    in_flight_reach(exchange->flight, exchange->hold.instance, exchange->revision, exchange->times.slot_ns,
                    exchange->queue.waited_ns);
    if (exchange->inner)
        call_book_enter(slot_calls(slot), &exchange->inner->entry);
    exchange->times.reply_ns = 0;
    exchange->up.written = 0;
    deadline_start_run(exchange);
    if (watch->closed) {
        lost_unanswered(exchange);
        return;
    }
    http_head_parser_init_response(&exchange->parser, &exchange->response, exchange->response_headers,
                                   HTTP_HEADERS_DEFAULT, &exchange->all->response_limits,
                                   exchange->request.method);
    struct http_writer writer = outbox_writer(&loop->outbox);
    forward_request_head(&writer, exchange);
    if (writer.full) { /* cannot be with the sizes of loop.c; a half-written head must never go out */
        exchange_cut(exchange, ERROR_GATEWAY_OUT_OF_MEMORY);
        return;
    }
    struct http_text head = outbox_written(&loop->outbox, &writer);
    if (flow_keep(&exchange->up, &head))
        outbox_add_request(&loop->outbox, &exchange->up.kept, slot->fd, &kept_handler);
    else if (push_up(exchange, head))
        relay_request(exchange);
}
