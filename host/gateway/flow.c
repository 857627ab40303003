#include "gateway/flow.h"

#include "base/container_of.h"
#include "gateway/loop.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Kept free in front of and behind what is received, for the chunk framing of FLOW_WRAP. */
#define WRAP_FRONT 32
#define WRAP_BACK  2

/* Bodies up to this size are copied behind their head. */
#define JOIN_MAX 4096

void flow_begin(struct flow *flow, enum flow_mode mode, struct buffer *buffer, uint32_t at)
{
    flow->mode = (uint8_t)mode;
    flow->buffer = buffer;
    flow->complete = false;
    flow->moved = false;
    flow->ready = flow->raw = at;
    if (buffer)
        buffer->start = at;
}

void flow_clear(struct flow *flow)
{
    flow_drop_kept(flow);
    http_body_clear(&flow->body);
    loop_give(flow->loop, &flow->head);
    loop_give(flow->loop, &flow->tail);
    flow->buffer = NULL;
}

/* Where there are no trailers a small buffer will do. */
static struct buffer *tail_of(struct flow *flow, bool is_small)
{
    if (!flow->tail)
        flow->tail = buffer_take(is_small ? &flow->loop->parts : &flow->loop->bodies);
    return flow->tail;
}

/* What stands behind the last chunk of a chunked body that is passed on as it comes. */
static int append_trailers(struct flow *flow)
{
    struct buffer *tail = tail_of(flow, !flow->body.trailers);
    if (!tail)
        return -1;
    struct http_writer writer = http_writer_make(tail->data, tail->capacity);
    http_write_trailers(&writer, flow->body.trailers);
    tail->end = (uint32_t)http_writer_size(&writer);
    return writer.full ? -1 : 0;
}

static int append_last_chunk(struct flow *flow)
{
    struct buffer *tail = tail_of(flow, true);
    if (!tail)
        return -1;
    memcpy(tail->data, "0\r\n\r\n", 5);
    tail->end = 5;
    return 0;
}

static int finish_body(struct flow *flow)
{
    flow->complete = true;
    if (flow->mode == FLOW_RAW && flow->body.framing == HTTP_FRAMING_CHUNKED)
        return append_trailers(flow);
    if (flow->mode == FLOW_WRAP)
        return append_last_chunk(flow);
    return 0;
}

/* Moves a run up to what is ready already; they touch unless framing between them was dropped. */
static void take_run(struct flow *flow, struct http_text run)
{
    char *place = flow->buffer->data + flow->ready;
    if (run.data != place) {
        memmove(place, run.data, run.length);
        flow->moved = true;
    }
    flow->ready += (uint32_t)run.length;
}

/* Puts chunk framing around what is ready. The room for it was kept by flow_make_room, or is where the head
 * was. */
static void wrap(struct flow *flow)
{
    char line[HTTP_CHUNK_BEGIN_MAX];
    struct buffer *buffer = flow->buffer;
    if (flow->ready == buffer->start)
        return;
    size_t size = http_chunk_begin(line, flow->ready - buffer->start);
    buffer->start -= (uint32_t)size;
    memcpy(buffer->data + buffer->start, line, size);
    memcpy(buffer->data + flow->ready, "\r\n", 2);
    flow->ready += 2;
    flow->raw = buffer->end = flow->ready;
}

int flow_scan(struct flow *flow)
{
    struct buffer *buffer = flow->buffer;
    while (!flow->complete) {
        struct http_text run;
        size_t consumed = 0;
        const char *bytes = buffer ? buffer->data + flow->raw : "";
        size_t size = buffer ? buffer->end - flow->raw : 0;
        enum http_body_step step = flow->mode == FLOW_RAW
                                       ? http_body_scan_raw(&flow->body, bytes, size, &run, &consumed)
                                       : http_body_scan(&flow->body, bytes, size, &run, &consumed);
        flow->raw += (uint32_t)consumed;
        if (step == HTTP_BODY_ERROR)
            return -1;
        if (step == HTTP_BODY_DATA)
            take_run(flow, run);
        if (step == HTTP_BODY_DONE && finish_body(flow) < 0)
            return -1;
        if (step == HTTP_BODY_MORE)
            break;
    }
    if (flow->mode == FLOW_WRAP)
        wrap(flow);
    return 0;
}

bool flow_end_of_stream(struct flow *flow)
{
    if (flow->complete)
        return true;
    return http_body_end_of_stream(&flow->body) && finish_body(flow) == 0;
}

bool flow_has_output(const struct flow *flow)
{
    return flow->kept.message.length > 0 || flow->head || flow->tail ||
           (flow->buffer && flow->ready > flow->buffer->start);
}

int flow_keep_head(struct flow *flow, struct http_text head)
{
    if (head.length == 0)
        return 0;
    if (!flow->head)
        flow->head = buffer_take(&flow->loop->bodies);
    if (!flow->head || head.length > buffer_room(flow->head))
        return -1;
    memcpy(flow->head->data + flow->head->end, head.data, head.length);
    flow->head->end += (uint32_t)head.length;
    return 0;
}

static int gather(const struct flow *flow, struct http_text head, struct iovec *iov)
{
    int count = 0;
    if (flow->head)
        iov[count++] = (struct iovec){flow->head->data + flow->head->start, buffer_size(flow->head)};
    else if (head.length > 0)
        iov[count++] = (struct iovec){(void *)head.data, head.length};
    const struct buffer *buffer = flow->buffer;
    if (buffer && flow->ready > buffer->start)
        iov[count++] = (struct iovec){(void *)(buffer->data + buffer->start), flow->ready - buffer->start};
    if (flow->tail)
        iov[count++] = (struct iovec){flow->tail->data + flow->tail->start, buffer_size(flow->tail)};
    return count;
}

static ssize_t send_all(int fd, struct iovec *iov, int count)
{
    if (count == 1)
        return send(fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Takes `size` written bytes off a buffer and gives it back when nothing is left. Returns what goes beyond
 * it. */
static size_t consume(struct loop *loop, struct buffer **held, size_t size)
{
    struct buffer *buffer = *held;
    if (!buffer)
        return size;
    size_t taken = size < buffer_size(buffer) ? size : buffer_size(buffer);
    buffer->start += (uint32_t)taken;
    if (buffer_size(buffer) == 0)
        loop_give(loop, held);
    return size - taken;
}

/* Puts a small body behind the head that has just been written. */
static struct http_text join_body(struct flow *flow, struct http_text head)
{
    struct buffer *buffer = flow->buffer;
    size_t size = buffer ? flow->ready - buffer->start : 0;
    if (head.length > 0 && size > 0 && size <= JOIN_MAX &&
        outbox_extend(&flow->loop->outbox, &head, buffer->data + buffer->start, size))
        buffer->start = flow->ready;
    return head;
}

bool flow_keep(struct flow *flow, struct http_text *head)
{
    *head = join_body(flow, *head);
    if (flow_has_output(flow) || !outbox_keep(&flow->loop->outbox, *head))
        return false;
    flow->kept.message = *head;
    return true;
}

void flow_drop_kept(struct flow *flow)
{
    outbox_remove(&flow->kept);
    flow->kept.message.length = 0;
}

void flow_count_written(struct flow *flow, size_t size)
{
    flow->written += size;
    counter_add(&flow->loop->counters, COUNTER_BYTES_OUT, size);
}

void flow_kept_sent(struct outbox_item *item, size_t size)
{
    flow_count_written(container_of(item, struct flow, kept), size);
}

enum flow_write flow_write(struct flow *flow, int fd, struct http_text head)
{
    if (flow->kept.message.length > 0) {
        head = flow->kept.message;
        flow_drop_kept(flow);
    }
    if (flow->head && flow_keep_head(flow, head) < 0)
        return FLOW_BROKEN;
    if (flow->head)
        head.length = 0;
    else
        head = join_body(flow, head);
    struct iovec iov[3];
    int count = gather(flow, head, iov);
    if (count == 0)
        return FLOW_WRITTEN;
    ssize_t sent = send_all(fd, iov, count);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        return FLOW_BROKEN;
    size_t size = sent > 0 ? (size_t)sent : 0;
    flow_count_written(flow, size);

    if (flow->head) {
        size = consume(flow->loop, &flow->head, size);
    } else if (head.length > 0) {
        size_t taken = size < head.length ? size : head.length;
        size -= taken;
        head = http_text_make(head.data + taken, head.length - taken);
        if (flow_keep_head(flow, head) < 0)
            return FLOW_BROKEN;
    }
    if (flow->buffer) {
        size_t ready = flow->ready - flow->buffer->start;
        size_t taken = size < ready ? size : ready;
        flow->buffer->start += (uint32_t)taken;
        size -= taken;
    }
    consume(flow->loop, &flow->tail, size);
    return flow_has_output(flow) ? FLOW_BLOCKED : FLOW_WRITTEN;
}

size_t flow_make_room(struct flow *flow)
{
    struct buffer *buffer = flow->buffer;
    if (flow->mode == FLOW_WRAP) {
        if (flow->ready > buffer->start)
            return 0;
        buffer->start = buffer->end = flow->ready = flow->raw = WRAP_FRONT;
        return buffer_room(buffer) - WRAP_BACK;
    }
    if (flow->ready == buffer->start && flow->raw == buffer->end)
        buffer->start = buffer->end = flow->ready = flow->raw = 0;
    return buffer_room(buffer);
}
