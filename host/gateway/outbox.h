/*
 * What a worker writes at the end of a turn of its loop rather than at once: whole heads with small bodies. A
 * process that is sent one message wakes up, deals with it and sleeps again; sent those of a turn together,
 * it deals with them all. Several go out as a batch where the kernel can do that; requests go first: runners
 * work on them while the responses are being written. One worker.
 */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include "gateway/send_batch.h"
#include "http/text.h"
#include "http/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct outbox_item;

TAILQ_HEAD(outbox_items, outbox_item);

/* What becomes of a kept message. */
struct outbox_handler {
    /* The first `size` bytes have gone out and are off the item's message. on_turn_end follows. */
    void (*on_sent)(struct outbox_item *item, size_t size);
    /* The end of the turn, and the item is off the outbox: what is left of its message is to be written. */
    void (*on_turn_end)(struct outbox_item *item);
};

/* A message that waits for the end of the turn. In whatever has such, which may go in on_turn_end. All zero:
 * none. */
struct outbox_item {
    struct http_text message; /* empty: nothing is kept */
    int fd; /* where it goes */
    const struct outbox_handler *handler;
    TAILQ_ENTRY(outbox_item) link;
    struct outbox_items *list; /* NULL: in none */
};

struct outbox {
    char *bytes; /* [0, used) is held; the rest is where the next message is written */
    size_t used;
    size_t message_max;
    struct outbox_items requests, responses;
    struct outbox_items leaving; /* off the other lists and being written */
    struct send_batch batch;
};

/* `message_max` bytes is the largest message that a writer takes. 0, or a negative error number: there are no
 * batches, and each message is written by itself. */
int outbox_init(struct outbox *outbox, size_t message_max);
void outbox_clear(struct outbox *outbox);

/* Writes a message. There is one at a time. */
struct http_writer outbox_writer(const struct outbox *outbox);

/* What the writer has written. It stays there until the next writer is made, unless it is kept. */
struct http_text outbox_written(const struct outbox *outbox, const struct http_writer *writer);

/* Puts a body behind a message that has just been written; one piece costs the kernel less than two. False:
 * there is no room, or the message is another one. */
bool outbox_extend(struct outbox *outbox, struct http_text *message, const char *bytes, size_t size);

/* Keeps the message to the end of the turn. False: there is no room, write it now. */
bool outbox_keep(struct outbox *outbox, struct http_text message);

/* Has an item, whose message is kept, written at the end of the turn. It must not be in the outbox yet. */
void outbox_add_request(struct outbox *outbox, struct outbox_item *item, int fd,
                        const struct outbox_handler *handler);
void outbox_add_response(struct outbox *outbox, struct outbox_item *item, int fd,
                         const struct outbox_handler *handler);

/* The item's message is written otherwise, or not at all. Does nothing when it is not in the outbox. */
void outbox_remove(struct outbox_item *item);

/* The end of the turn: has everything written that is held. */
void outbox_flush(struct outbox *outbox);

#endif
