#include "gateway/deliver.h"

#include "gateway/request_bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Bytes of the smallest chunk: an answer that comes in drops is not kept in drops. */
#define CHUNK_MIN   2000

#define AT_ONCE_MAX 32 /* chunks of one write */

/* --- what was kept goes out before anything that follows --- */

static int gather(const struct backlog *backlog, struct iovec iov[AT_ONCE_MAX])
{
    int count = 0;
    for (struct chunk *chunk = backlog->first; chunk && count < AT_ONCE_MAX; chunk = chunk->next)
        iov[count++] = (struct iovec){chunk->data + chunk->start, chunk->end - chunk->start};
    return count;
}

/* Takes written bytes off the chunks. */
static void consume(struct exchange *exchange, size_t size)
{
    flow_count_written(&exchange->down, size);
    while (size > 0) {
        struct chunk *chunk = exchange->backlog.first;
        size_t left = chunk->end - chunk->start;
        if (size < left) {
            chunk->start += (uint32_t)size;
            return;
        }
        size -= left;
        backlog_drop_chunk(&exchange->backlog);
    }
}

static enum flow_write write_chunks(struct exchange *exchange)
{
    while (backlog_has_chunks(&exchange->backlog)) {
        struct iovec iov[AT_ONCE_MAX];
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)gather(&exchange->backlog, iov)};
        ssize_t sent = sendmsg(exchange->client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? FLOW_BLOCKED : FLOW_BROKEN;
        consume(exchange, (size_t)sent);
    }
    return FLOW_WRITTEN;
}

/* What was kept, then `head` and what is ready. */
static enum flow_write write_ready(struct exchange *exchange, struct http_text head)
{
    enum flow_write result = write_chunks(exchange);
    if (result == FLOW_WRITTEN)
        return flow_write(&exchange->down, exchange->client->fd, head);
    if (result == FLOW_BLOCKED && flow_keep_head(&exchange->down, head) < 0)
        return FLOW_BROKEN;
    return result;
}

/* --- what the client does not take is moved into memory, in pieces of its own size --- */

/* Copies into the last chunk, whose room is enough or is filled up; a new one comes behind it. */
static void append(struct chunk **at, const char *bytes, size_t size)
{
    while (size > 0) {
        struct chunk *chunk = *at;
        size_t room = chunk->capacity - chunk->end;
        size_t part = size < room ? size : room;
        memcpy(chunk->data + chunk->end, bytes, part);
        chunk->end += (uint32_t)part;
        bytes += part;
        size -= part;
        if (size > 0)
            *at = chunk->next;
    }
}

/* Makes room for so many bytes. Gives the chunk where they begin; NULL: there is none. */
static struct chunk *make_room(struct exchange *exchange, size_t size)
{
    struct chunk *last = exchange->backlog.last;
    size_t room = last ? last->capacity - last->end : 0;
    if (size <= room)
        return last;
    size_t capacity = size - room > CHUNK_MIN ? size - room : CHUNK_MIN;
    struct chunk *new = backlog_add_chunk(&exchange->backlog, (uint32_t)capacity);
    if (!new)
        return NULL;
    return last ? last : new;
}

static void move_buffer(struct exchange *exchange, struct chunk **at, struct buffer **held)
{
    if (*held)
        append(at, (*held)->data + (*held)->start, buffer_size(*held));
    loop_give(exchange->loop, held);
}

/* One that is still coming must not become too large. */
static bool may_take(const struct exchange *exchange)
{
    uint64_t limit = exchange->loop->settings->answer_buffer_bytes;
    bool is_body = exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL;
    if (exchange->down.complete || !is_body)
        return true;
    if (exchange->deadline.streams || exchange->down.body.received > limit)
        return false;
    return exchange->response.content_length < 0 || (uint64_t)exchange->response.content_length <= limit;
}

/* Moves what the answer has ready into memory. False: it stays where it is, because the answer is too large
 * or a stream, or memory is short. */
static bool keep_ready(struct exchange *exchange)
{
    struct flow *down = &exchange->down;
    size_t ready = down->buffer ? down->ready - down->buffer->start : 0;
    size_t size =
        ready + (down->head ? buffer_size(down->head) : 0) + (down->tail ? buffer_size(down->tail) : 0);
    if (!may_take(exchange))
        return false;
    if (size == 0)
        return true;
    struct chunk *at = make_room(exchange, size);
    if (!at)
        return false;
    move_buffer(exchange, &at, &down->head);
    if (ready > 0)
        append(&at, down->buffer->data + down->buffer->start, ready);
    if (down->buffer)
        down->buffer->start = down->ready;
    move_buffer(exchange, &at, &down->tail);
    return true;
}

/* --- the answer goes out --- */

/* The client's socket is full. True: what was to be written is in memory. Where it is not, the runner is held
 * back; an answer that has no runner behind it any more cannot wait. */
static bool yield_to_client(struct exchange *exchange)
{
    bool taken = keep_ready(exchange);
    if (taken && exchange->down.complete) {
        exchange_free_slot(exchange);
        loop_give(exchange->loop, &exchange->received);
        exchange->down.buffer = NULL;
        taken = request_bytes_drop_body(exchange);
    }
    if (!taken && !exchange->hold.slot) {
        exchange_cut(exchange, ERROR_BUFFER_MEMORY);
        return false;
    }
    client_want_write(exchange->client);
    deadline_update(exchange);
    return taken && !exchange->down.complete;
}

bool deliver(struct exchange *exchange, struct http_text head)
{
    struct client *client = exchange->client;
    enum flow_write result = write_ready(exchange, head);
    if (result == FLOW_BLOCKED)
        return yield_to_client(exchange);
    if (exchange->down.complete)
        exchange_free_slot(exchange);
    if (result == FLOW_BROKEN) {
        client_close(client, true);
        return false;
    }
    if (exchange->down.complete) {
        exchange_finish(exchange);
        return false;
    }
    return true;
}

bool deliver_interim(struct exchange *exchange, struct http_text head)
{
    enum flow_write result = write_ready(exchange, head);
    if (result == FLOW_BROKEN)
        client_close(exchange->client, true);
    if (result == FLOW_BLOCKED)
        client_want_write(exchange->client);
    return result != FLOW_BROKEN;
}
