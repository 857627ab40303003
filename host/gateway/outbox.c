#include "gateway/outbox.h"

#include "base/strbuf.h"
#include "gateway/exchange.h"

#include <stdlib.h>
#include <string.h>

/* Held at most, in bytes: some hundred small messages. What comes beyond is written at once. */
#define HELD_MAX (256 * 1024)

int outbox_init(struct outbox *outbox, size_t message_max)
{
    *outbox = (struct outbox){.bytes = xmalloc(HELD_MAX + message_max), .message_max = message_max};
    TAILQ_INIT(&outbox->requests);
    TAILQ_INIT(&outbox->responses);
    TAILQ_INIT(&outbox->leaving);
    return send_batch_init(&outbox->batch);
}

void outbox_clear(struct outbox *outbox)
{
    free(outbox->bytes);
    outbox->bytes = NULL;
    send_batch_clear(&outbox->batch);
}

struct http_writer outbox_writer(const struct outbox *outbox)
{
    return http_writer_make(outbox->bytes + outbox->used, outbox->message_max);
}

struct http_text outbox_written(const struct outbox *outbox, const struct http_writer *writer)
{
    return http_text_make(outbox->bytes + outbox->used, http_writer_size(writer));
}

bool outbox_extend(struct outbox *outbox, struct http_text *message, const char *bytes, size_t size)
{
    char *place = outbox->bytes + outbox->used;
    if (message->data != place || size > outbox->message_max - message->length)
        return false;
    memcpy(place + message->length, bytes, size);
    message->length += size;
    return true;
}

bool outbox_keep(struct outbox *outbox, struct http_text message)
{
    if (message.data != outbox->bytes + outbox->used || message.length > HELD_MAX - outbox->used)
        return false;
    outbox->used += message.length;
    return true;
}

static void hold(struct held_exchanges *list, struct exchange *exchange)
{
    TAILQ_INSERT_TAIL(list, exchange, held);
    exchange->held_in = list;
}

void outbox_hold_request(struct outbox *outbox, struct exchange *exchange)
{
    hold(&outbox->requests, exchange);
}

void outbox_hold_response(struct outbox *outbox, struct exchange *exchange)
{
    hold(&outbox->responses, exchange);
}

void outbox_forget(struct exchange *exchange)
{
    if (!exchange->held_in)
        return;
    TAILQ_REMOVE(exchange->held_in, exchange, held);
    exchange->held_in = NULL;
}

/* Those that leave next, requests first. Returns their number. */
static unsigned choose_leaving(struct outbox *outbox)
{
    struct exchange *exchange;
    unsigned count = 0;
    while (count < SEND_BATCH_MAX &&
           ((exchange = TAILQ_FIRST(&outbox->requests)) || (exchange = TAILQ_FIRST(&outbox->responses)))) {
        outbox_forget(exchange);
        hold(&outbox->leaving, exchange);
        count++;
    }
    return count;
}

static void on_sent(void *context, int result)
{
    if (result > 0)
        exchange_held_sent(context, (size_t)result);
}

/* What does not go out this way is left to exchange_write_held(), and so are all errors. */
static void send_leaving(struct outbox *outbox)
{
    struct exchange *exchange;
    TAILQ_FOREACH(exchange, &outbox->leaving, held)
    {
        int fd;
        struct http_text message = exchange_held(exchange, &fd);
        if (!send_batch_add(&outbox->batch, fd, message, exchange))
            break;
    }
    send_batch_submit(&outbox->batch, on_sent);
}

void outbox_flush(struct outbox *outbox)
{
    unsigned count;
    while ((count = choose_leaving(outbox)) > 0) {
        if (count > 1)
            send_leaving(outbox);
        struct exchange *exchange;
        while ((exchange = TAILQ_FIRST(&outbox->leaving))) {
            outbox_forget(exchange);
            exchange_write_held(exchange);
        }
    }
    outbox->used = 0;
}
