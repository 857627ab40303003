/*
 * The connection between a daemon and the one that takes its place, on an event loop: what it cannot take at
 * once waits, in order. Control thread.
 */
#ifndef TAKEOVER_CHANNEL_H
#define TAKEOVER_CHANNEL_H

#include "takeover/message.h"

#include <stdbool.h>

struct event_base;
struct takeover_channel;

struct takeover_hooks {
    /* A message has come. Descriptors that are left in `wire` afterwards (not -1) are closed. */
    void (*message)(void *context, const struct takeover_message *message, struct wire_message *wire);
    /* The other side has gone, or talks nonsense (`why` then, else NULL). Once, and nothing after it; the
     * channel is still the owner's to destroy, also within this. */
    void (*closed)(void *context, const struct error *why);
    void *context;
};

/* `fd`, a connected socket that does not block, becomes the channel's. */
struct takeover_channel *takeover_channel_create(struct event_base *base, int fd,
                                                 const struct takeover_hooks *hooks);

/* Sends a text, which is taken over, with descriptors, which are too. */
void takeover_channel_send(struct takeover_channel *channel, char *text, const int *fds, size_t fd_count);

/* The same of a client, which is taken over. */
void takeover_channel_send_client(struct takeover_channel *channel, struct passed_client *client);

/* What that sends: the text, which the caller frees, and the descriptors, which are the client's no more.
 * NULL: memory is out. Any thread. */
char *takeover_describe_client(struct passed_client *client, int ret_fds[2], size_t *ret_count);

/* The client that came with a message of that kind, with its descriptors; the caller owns it. NULL: its bytes
 * cannot be read. */
struct passed_client *takeover_take_client(const struct takeover_message *message, struct wire_message *wire);

/* Calls `done` once all that was sent has been taken by the kernel, or cannot be any more: at once when
 * nothing waits. */
void takeover_channel_flush(struct takeover_channel *channel, void (*done)(void *context), void *context);

/* Closes it. NULL is fine. */
void takeover_channel_destroy(struct takeover_channel *channel);

#endif
