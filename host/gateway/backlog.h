/*
 * What a worker keeps in memory because clients are slow: bodies of requests that have no slot yet, and
 * answers that the runner is done with. Each worker has an equal share of `buffer_memory`, so nothing is
 * locked. When the share is used up, clients below the least rate are cut to make room, those first that have
 * kept memory longest; where there is none the new one has to do without.
 */
#ifndef GATEWAY_BACKLOG_H
#define GATEWAY_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct exchange;
struct worker;

/* A part of an answer: [start, end) waits to be written. */
struct chunk {
    struct chunk *next;
    uint32_t capacity;
    uint32_t start, end;
    char data[];
};

/* Of one exchange; made with the first byte that is kept for it. */
struct backlog {
    TAILQ_ENTRY(backlog) entry; /* those that were looked at longest ago first */
    struct exchange *exchange;
    size_t request_bytes; /* size of the buffer that the request's body is received into */
    size_t answer_bytes;  /* size of the chunks */
    struct chunk *first, *last;
};

TAILQ_HEAD(backlog_list, backlog);

/* Of one worker. */
struct backlogs {
    struct backlog_list list;
    uint64_t max_bytes, held_bytes;
    bool making_room;
    uint64_t look_again_ms; /* nobody needs to be looked at before */
    uint64_t told_ms;       /* when the log was told last that clients were cut */
    unsigned untold;        /* cut since */
};

void backlogs_init(struct backlogs *backlogs, uint64_t max_bytes);

/* Counts the size of the buffer that a request's body is received into: the whole size, however much was
 * counted before. False: there is no room, and nothing has changed. May end other exchanges of the worker. */
bool backlog_hold_request(struct exchange *exchange, size_t size_bytes);

/* An empty chunk behind the others of the exchange, counted. NULL: there is no room. May end other exchanges.
 */
struct chunk *backlog_add_chunk(struct exchange *exchange, uint32_t capacity);

/* Frees the first chunk. */
void backlog_drop_chunk(struct exchange *exchange);

/* True while the exchange has chunks. */
bool backlog_has_chunks(const struct exchange *exchange);

/* Frees everything that is kept for the exchange but the request's buffer, which is no longer counted. */
void backlog_clear(struct exchange *exchange);

/* Counts a client that is about to be cut for moving less than the least rate, and tells the log of it, once
 * a second at most. */
void backlog_note_cut(struct exchange *exchange);

#endif
