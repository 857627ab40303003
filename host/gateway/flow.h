/*
 * One direction of an exchange: a body on its way from one connection to the other through one fixed buffer,
 * with the head in front of it. When the reader is slow the buffer fills, nothing more is received, and the
 * writer's socket stops it.
 */
#ifndef GATEWAY_FLOW_H
#define GATEWAY_FLOW_H

#include "gateway/buffer.h"
#include "gateway/outbox.h"
#include "http/body.h"
#include "http/text.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum flow_mode {
    FLOW_PLAIN, /* payload only */
    FLOW_RAW, /* chunked as it comes, framing and trailers included */
    FLOW_WRAP, /* payload that becomes chunks here */
};

enum flow_write {
    FLOW_WRITTEN, /* nothing is left to write */
    FLOW_BLOCKED, /* the socket is full */
    FLOW_BROKEN, /* the other side is gone, or memory is out */
};

/* After so many pieces others get their turn. */
#define FLOW_TURNS_MAX 32

/* How much of so much room is filled at once. Streams move in pieces, smaller than a buffer: a piece is still
 * in the processor's cache when it is sent, and the receiver works on it while the next is on its way. 64 KiB
 * and a head are two pieces. */
static inline size_t flow_piece(size_t room)
{
    const size_t most = 40960;
    return room < most ? room : most;
}

/* All zero but `loop`: nothing is to be written. */
struct flow {
    struct loop *loop;
    struct http_body body;
    struct buffer *buffer; /* where the source's bytes are; the owner's. [start, ready) is to be written, */
    uint32_t ready; /* [raw, end) has not been looked at */
    uint32_t raw;
    struct outbox_item kept; /* in the outbox, to be written first: a head, maybe with its body */
    struct buffer *head; /* what is left of heads to be written first; NULL: none */
    struct buffer *tail; /* what ends the body: trailers, last chunk; NULL: none, or not yet */
    uint8_t mode; /* enum flow_mode */
    bool complete; /* the source's body has ended; [raw, end) belongs to the next message */
    bool moved; /* bytes of the buffer are not as they came any more */
    uint64_t written; /* bytes in all, heads included */
};

/* Begins a body whose first bytes, as far as they are there, are [at, buffer->end). body must be initialised.
 */
void flow_begin(struct flow *flow, enum flow_mode mode, struct buffer *buffer, uint32_t at);

/* Frees what it owns: trailers, head and tail, not the buffer; nothing is in the outbox any more. */
void flow_clear(struct flow *flow);

/* Looks at the bytes received so far and makes them ready to be written. -1: the body is malformed or too
 * large, see flow->body.code (ERROR_NONE: out of memory). */
int flow_scan(struct flow *flow);

/* The source has ended. True when the body is complete with that. */
bool flow_end_of_stream(struct flow *flow);

/* Writes what is kept, or `head` (may be empty; kept here when the socket is full), and what is ready. */
enum flow_write flow_write(struct flow *flow, int fd, struct http_text head);

/* Leaves *head, just written into the outbox, and what is ready to the next flow_write(), which comes at the
 * end of the turn, when `kept` is added to the outbox now, and brings no head. False: not possible; *head,
 * which may have grown by what was ready, has to be written now. */
bool flow_keep(struct flow *flow, struct http_text *head);

/* For the outbox: so much of what was kept has gone out. */
void flow_kept_sent(struct outbox_item *item, size_t size);

/* What was kept will never be written. */
void flow_drop_kept(struct flow *flow);

/* Bytes of this direction have been written by somebody else. */
void flow_count_written(struct flow *flow, size_t size);

/* Keeps a head behind those that still wait, to be written before the body. -1: memory is out. */
int flow_keep_head(struct flow *flow, struct http_text head);

/* True when bytes wait to be written. */
bool flow_has_output(const struct flow *flow);

/* Makes room to receive, when everything before has been written. Returns how many bytes may come at
 * buffer->end. */
size_t flow_make_room(struct flow *flow);

#endif
