#include "takeover/channel.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/queue.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct outgoing {
    TAILQ_ENTRY(outgoing) link;
    char *text;
    size_t fd_count;
    int fds[];
};

struct takeover_channel {
    int fd;
    struct event *readable, *writable;
    struct takeover_hooks hooks;
    TAILQ_HEAD(, outgoing) waiting;
    bool closed, *destroyed; /* set when it is destroyed within a callback */
    void (*flushed)(void *context);
    void *flush_context;
    char text[WIRE_TEXT_MAX + 1];
};

/* --- out --- */

static void outgoing_free(struct outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->fd_count; i++)
        close(outgoing->fds[i]);
    free(outgoing->text);
    free(outgoing);
}

static void drop_waiting(struct takeover_channel *channel)
{
    struct outgoing *outgoing;
    while ((outgoing = queue_take_first(&channel->waiting, link)))
        outgoing_free(outgoing);
}

static int send_one(const struct takeover_channel *channel, const struct outgoing *outgoing)
{
    struct wire_message message = {
        .text = outgoing->text, .size = strlen(outgoing->text), .fd_count = outgoing->fd_count};
    memcpy(message.fds, outgoing->fds, outgoing->fd_count * sizeof(int));
    return wire_send(channel->fd, &message);
}

static void send_waiting(struct takeover_channel *channel)
{
    struct outgoing *outgoing;
    while ((outgoing = TAILQ_FIRST(&channel->waiting))) {
        if (send_one(channel, outgoing) < 0) {
            /* Too many descriptors on their way are a matter of time as well. */
            if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS) {
                event_add(channel->writable, errno == EAGAIN ? NULL : &(struct timeval){.tv_usec = 1000});
                return;
            }
            drop_waiting(channel); /* its end is seen by reading */
            break;
        }
        TAILQ_REMOVE(&channel->waiting, outgoing, link);
        outgoing_free(outgoing);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct takeover_channel *channel = context;
    void (*flushed)(void *context) = channel->flushed;
    send_waiting(channel);
    if (flushed && TAILQ_EMPTY(&channel->waiting)) {
        channel->flushed = NULL;
        flushed(channel->flush_context);
    }
}

void takeover_channel_send(struct takeover_channel *channel, char *text, const int *fds, size_t fd_count)
{
    struct outgoing *outgoing = xcalloc(1, sizeof(*outgoing) + fd_count * sizeof(int));
    outgoing->text = text;
    outgoing->fd_count = fd_count;
    if (fd_count > 0)
        memcpy(outgoing->fds, fds, fd_count * sizeof(int));
    bool first = TAILQ_EMPTY(&channel->waiting);
    if (channel->closed) {
        outgoing_free(outgoing);
        return;
    }
    TAILQ_INSERT_TAIL(&channel->waiting, outgoing, link);
    if (first)
        send_waiting(channel);
}

void takeover_channel_flush(struct takeover_channel *channel, void (*done)(void *context), void *context)
{
    if (channel->closed || TAILQ_EMPTY(&channel->waiting)) {
        done(context);
        return;
    }
    channel->flushed = done;
    channel->flush_context = context;
}

/* --- clients --- */

static bool write_all(int fd, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t written = write(fd, bytes + at, size - at);
        if (written < 0 && errno != EINTR)
            return false;
        at += written > 0 ? (size_t)written : 0;
    }
    return true;
}

char *takeover_describe_client(struct passed_client *client, int ret_fds[2], size_t *ret_count)
{
    cleanup_close int bytes = client->size > 0 ? memfd_create("berth-client", MFD_CLOEXEC) : -1;
    if (client->size > 0 && (bytes < 0 || !write_all(bytes, client->bytes, client->size)))
        return NULL;
    ret_fds[0] = steal_fd(&client->fd);
    ret_fds[1] = steal_fd(&bytes);
    *ret_count = client->size > 0 ? 2 : 1;
    return takeover_write_client(client);
}

void takeover_channel_send_client(struct takeover_channel *channel, struct passed_client *client)
{
    int fds[2];
    size_t count;
    char *text = takeover_describe_client(client, fds, &count);
    if (text)
        takeover_channel_send(channel, text, fds, count);
    passed_client_free(client);
}

static bool read_all(int fd, char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = pread(fd, bytes + at, size - at, (off_t)at);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

struct passed_client *takeover_take_client(const struct takeover_message *message, struct wire_message *wire)
{
    struct passed_client *client = passed_client_create(-1, NULL, 0);
    client->instance = message->client.instance;
    client->is_management = message->client.is_management;
    client->is_checked = message->client.is_checked;
    if (message->client.size > 0) {
        client->bytes = malloc(message->client.size);
        client->size = message->client.size;
        if (!client->bytes || !read_all(wire->fds[1], client->bytes, client->size)) {
            passed_client_free(client);
            return NULL;
        }
    }
    client->fd = wire->fds[0];
    wire->fds[0] = -1;
    return client;
}

/* --- in --- */

static void end(struct takeover_channel *channel, const struct error *why)
{
    channel->closed = true;
    event_del(channel->readable);
    event_del(channel->writable);
    drop_waiting(channel);
    channel->hooks.closed(channel->hooks.context, why);
}

/* False: nothing more for now, or the channel is gone. */
static bool receive_one(struct takeover_channel *channel)
{
    struct wire_message wire;
    struct takeover_message message;
    struct error err;
    bool destroyed = false;
    if (wire_receive(channel->fd, channel->text, &wire) < 0) {
        if (errno != EAGAIN)
            end(channel, NULL);
        return false;
    }
    if (takeover_message_read(wire.text, wire.size, wire.fd_count, &message, &err) < 0) {
        wire_close_fds(&wire);
        end(channel, &err);
        return false;
    }
    channel->destroyed = &destroyed;
    channel->hooks.message(channel->hooks.context, &message, &wire);
    takeover_message_clear(&message);
    wire_close_fds(&wire);
    if (!destroyed)
        channel->destroyed = NULL;
    return !destroyed && !channel->closed;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    while (receive_one(context))
        ;
}

/* --- its life --- */

struct takeover_channel *takeover_channel_create(struct event_base *base, int fd,
                                                 const struct takeover_hooks *hooks)
{
    struct takeover_channel *channel = xcalloc(1, sizeof(*channel));
    channel->fd = fd;
    channel->hooks = *hooks;
    TAILQ_INIT(&channel->waiting);
    channel->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, channel);
    channel->writable = event_new(base, fd, EV_WRITE, on_writable, channel);
    event_add(channel->readable, NULL);
    return channel;
}

void takeover_channel_destroy(struct takeover_channel *channel)
{
    if (!channel)
        return;
    if (channel->destroyed)
        *channel->destroyed = true;
    drop_waiting(channel);
    event_free(channel->readable);
    event_free(channel->writable);
    close(channel->fd);
    free(channel);
}
