/*
 * Small messages to many connections by one system call (io_uring). Between two calls the kernel likes to
 * give the processor to whom the first message woke; within one it seldom does before the last is sent.
 * Nothing waits for a socket; what one does not take stays unsent. io_uring may be missing, switched off
 * (sysctl kernel.io_uring_disabled, since Linux 6.6), or denied by a container's seccomp profile: such a
 * batch has no room. One thread at a time.
 */
#ifndef GATEWAY_SEND_BATCH_H
#define GATEWAY_SEND_BATCH_H

#include "http/text.h"

#include <liburing.h>
#include <stdbool.h>

#define SEND_BATCH_MAX 256

struct send_batch {
    struct io_uring ring;
    bool is_open;
};

/* Told once for each message, in any order: what send() would have returned, or a negative error number. */
typedef void send_batch_sent(void *context, int result);

/* 0, or a negative error number: there is no io_uring to be had, and the batch stays without room. */
int send_batch_init(struct send_batch *batch);
void send_batch_clear(struct send_batch *batch);

/* Adds a message, whose bytes must stay where they are until it is sent. False: there is no room. */
bool send_batch_add(struct send_batch *batch, int fd, struct http_text bytes, void *context);

/* Sends what was added, in that order, and calls `sent` for every message that was tried. Should the kernel
 * not take them all, the rest is dropped and there is no room from then on. */
void send_batch_submit(struct send_batch *batch, send_batch_sent *sent);

#endif
