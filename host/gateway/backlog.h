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

struct loop;

/* A part of an answer: [start, end) waits to be written. */
struct chunk {
    struct chunk *next;
    uint32_t capacity;
    uint32_t start, end;
    char data[];
};

/* Of one client. All zero but `all`: nothing is kept for it. */
struct backlog {
    struct backlogs *all;
    TAILQ_ENTRY(backlog) entry; /* those that were looked at longest ago first */
    bool is_listed;
    size_t request_bytes; /* size of the buffer that the request's body is received into */
    struct chunk *first, *last;
};

TAILQ_HEAD(backlog_list, backlog);

/* Of one worker. */
struct backlogs {
    struct loop *loop;
    /* Memory is short. Ends what the backlog is for, and with that the backlog, when its client is below the
     * least rate. False: it is not, or not for long enough; nothing has changed. */
    bool (*on_short)(struct backlog *backlog, uint64_t now_ms);
    struct backlog_list list;
    uint64_t max_bytes, held_bytes;
    bool making_room;
    uint64_t look_again_ms; /* nobody needs to be looked at before */
    uint64_t told_ms; /* when the log was told last that clients were cut */
    unsigned untold; /* cut since */
};

void backlogs_init(struct backlogs *backlogs, struct loop *loop, uint64_t max_bytes,
                   bool (*on_short)(struct backlog *backlog, uint64_t now_ms));

/* Counts the size of the buffer that a request's body is received into: the whole size, however much was
 * counted before. False: there is no room, and nothing has changed. May end others of the worker. */
bool backlog_hold_request(struct backlog *backlog, size_t size_bytes);

/* An empty chunk behind the others, counted. NULL: there is no room. May end others of the worker. */
struct chunk *backlog_add_chunk(struct backlog *backlog, uint32_t capacity);

/* Frees the first chunk. */
void backlog_drop_chunk(struct backlog *backlog);

/* True while there are chunks. */
static inline bool backlog_has_chunks(const struct backlog *backlog)
{
    return backlog->first != NULL;
}

/* Frees everything that is kept but the request's buffer, which is no longer counted. */
void backlog_clear(struct backlog *backlog);

/* Counts a client that is about to be cut for moving less than the least rate, and tells the log of it, once
 * a second at most. */
void backlog_note_cut(struct backlogs *backlogs, const char *address);

#endif
