/*
 * One direction of an exchange: a body on its way from one connection to the other through one fixed buffer,
 * with the head in front of it. When the reader is slow the buffer fills, nothing more is received, and the
 * writer's socket stops it.
 */
#ifndef GATEWAY_FLOW_H
#define GATEWAY_FLOW_H

#include "gateway/buffer.h"
#include "http/body.h"
#include "http/text.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

enum flow_mode {
    FLOW_PLAIN, /* payload only */
    FLOW_RAW,   /* chunked as it comes, framing and trailers included */
    FLOW_WRAP,  /* payload that becomes chunks here */
};

enum flow_write {
    FLOW_WRITTEN, /* nothing is left to write */
    FLOW_BLOCKED, /* the socket is full */
    FLOW_BROKEN,  /* the other side is gone, or memory is out */
};

struct flow {
    struct http_body body;
    struct buffer *buffer; /* where the source's bytes are; the owner's. [start, ready) is to be written, */
    uint32_t ready;        /* [raw, end) has not been looked at */
    uint32_t raw;
    struct http_text kept; /* in the outbox, to be written first: a head, maybe with its body; empty: none */
    struct buffer *head;   /* what is left of heads to be written first; NULL: none */
    struct buffer *tail;   /* what ends the body: trailers, last chunk; NULL: none, or not yet */
    uint8_t mode;          /* enum flow_mode */
    bool complete;         /* the source's body has ended; [raw, end) belongs to the next message */
    bool moved;            /* bytes of the buffer are not as they came any more */
};

/* Begins a body whose first bytes, as far as they are there, are [at, buffer->end). body must be initialised.
 */
void flow_begin(struct flow *flow, enum flow_mode mode, struct buffer *buffer, uint32_t at);

/* Frees what it owns: trailers, head and tail, not the buffer. */
void flow_clear(struct flow *flow, struct worker *worker);

/* Looks at the bytes received so far and makes them ready to be written. -1: the body is malformed or too
 * large, see flow->body.problem (NULL: out of memory). */
int flow_scan(struct flow *flow, struct worker *worker);

/* The source has ended. True when the body is complete with that. */
bool flow_end_of_stream(struct flow *flow, struct worker *worker);

/* Writes `head` (may be empty; kept when the socket is full) and what is ready. Adds to *written. */
enum flow_write flow_write(struct flow *flow, struct worker *worker, int fd, struct http_text head,
                           uint64_t *written);

/* Leaves *head, just written into the worker's outbox, and what is ready to the next flow_write(), which
 * comes before the turn of the loop ends and brings no head. False: not possible; *head, which may have grown
 * by what was ready, has to be written now. */
bool flow_keep(struct flow *flow, struct worker *worker, struct http_text *head);

/* The first `size` bytes of what was kept have gone out. Adds to *written. */
void flow_kept_sent(struct flow *flow, struct worker *worker, size_t size, uint64_t *written);

/* Keeps a head behind those that still wait, to be written before the body. -1: memory is out. */
int flow_keep_head(struct flow *flow, struct worker *worker, struct http_text head);

/* True when bytes wait to be written. */
bool flow_has_output(const struct flow *flow);

/* Makes room to receive, when everything before has been written. Returns how many bytes may come at
 * buffer->end. */
size_t flow_make_room(struct flow *flow);

#endif
