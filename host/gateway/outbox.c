#include "gateway/outbox.h"

#include "base/alloc.h"

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

static void add(struct outbox_items *list, struct outbox_item *item)
{
    TAILQ_INSERT_TAIL(list, item, link);
    item->list = list;
}

void outbox_add_request(struct outbox *outbox, struct outbox_item *item, int fd,
                        const struct outbox_handler *handler)
{
    item->fd = fd;
    item->handler = handler;
    add(&outbox->requests, item);
}

void outbox_add_response(struct outbox *outbox, struct outbox_item *item, int fd,
                         const struct outbox_handler *handler)
{
    item->fd = fd;
    item->handler = handler;
    add(&outbox->responses, item);
}

void outbox_remove(struct outbox_item *item)
{
    if (!item->list)
        return;
    TAILQ_REMOVE(item->list, item, link);
    item->list = NULL;
}

/* Those that leave next, requests first. Returns their number. */
static unsigned choose_leaving(struct outbox *outbox)
{
    struct outbox_item *item;
    unsigned count = 0;
    while (count < SEND_BATCH_MAX &&
           ((item = TAILQ_FIRST(&outbox->requests)) || (item = TAILQ_FIRST(&outbox->responses)))) {
        outbox_remove(item);
        add(&outbox->leaving, item);
        count++;
    }
    return count;
}

static void on_sent(void *context, int result)
{
    struct outbox_item *item = context;
    if (result <= 0)
        return;
    size_t size = (size_t)result;
    item->message = http_text_make(item->message.data + size, item->message.length - size);
    item->handler->on_sent(item, size);
}

/* What does not go out this way is left to on_turn_end, and so are all errors. */
static void send_leaving(struct outbox *outbox)
{
    struct outbox_item *item;
    TAILQ_FOREACH(item, &outbox->leaving, link)
    {
        if (!send_batch_add(&outbox->batch, item->fd, item->message, item))
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
        struct outbox_item *item;
        while ((item = TAILQ_FIRST(&outbox->leaving))) {
            outbox_remove(item);
            item->handler->on_turn_end(item);
        }
    }
    outbox->used = 0;
}
