#include "gateway/serve.h"

#include "gateway/deliver.h"
#include "gateway/dispatch.h"
#include "gateway/overdue.h"
#include "gateway/receive.h"
#include "gateway/relay.h"
#include "gateway/response.h"

#include <errno.h>
#include <sys/socket.h>

/* Something came after the whole request: the next one, which has to wait, or the client's end. A reset says
 * that it is gone for sure. */
static void look_at_client(struct exchange *exchange)
{
    struct client *client = exchange->client;
    char byte;
    ssize_t size = recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        client_close(client, true);
        return;
    }
    if (size == 0)
        client->closed = true;
    if (client->closed)
        deadline_update(exchange);
}

/* Takes up what had to wait for this turn of the loop. */
static void resume(struct exchange *exchange)
{
    exchange->answering.resume = false;
    if (!exchange->up.complete && exchange->client->readable)
        client_postpone(exchange->client);
    response_relay(exchange);
}

static void on_readable(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_READ_HEAD:
        dispatch_read(exchange);
        break;
    case EXCHANGE_AGAIN:
        dispatch_to_function(exchange);
        break;
    case EXCHANGE_AWAIT_HEAD:
    case EXCHANGE_RELAY:
    case EXCHANGE_TUNNEL:
        if (exchange->answering.resume)
            resume(exchange);
        else if (!exchange->up.complete)
            relay_request(exchange);
        else
            look_at_client(exchange);
        break;
    case EXCHANGE_RECEIVE:
        receive_more(exchange);
        break;
    case EXCHANGE_WAIT_SLOT:
    case EXCHANGE_FIND_CAUSE:
    case EXCHANGE_UNREACHED:
        look_at_client(exchange);
        break;
    case EXCHANGE_ANSWER:
    case EXCHANGE_ORPHAN:
        break;
    }
}

static void on_request(struct client *client)
{
    client->exchange = exchange_begin(client->all->context, client);
    if (client->exchange)
        dispatch_read(client->exchange);
    else
        client_close(client, true);
}

static void on_writable(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL)
        response_relay(exchange);
    else
        deliver(exchange, HTTP_TEXT(""));
}

const struct client_handler serve_handler = {
    .on_request = on_request,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_deadline = overdue,
    .on_gone = exchange_abandon,
    .is_untouched = exchange_is_untouched,
    .undo = exchange_undo,
};
