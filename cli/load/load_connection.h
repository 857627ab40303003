/*
 * One connection of `berth load`: sends the plan's request, reads the answer, and again, on an event loop. It
 * is opened when it is needed, and kept as long as the other side keeps it.
 *
 * Sockets, libevent and llhttp, without libcurl between them: what is measured is the gateway, which takes
 * less than libcurl does for a request.
 */
#ifndef CLI_LOAD_LOAD_CONNECTION_H
#define CLI_LOAD_LOAD_CONNECTION_H

#include "cli/load/load_answer.h"
#include "cli/load/load_plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct event;
struct event_base;
struct load_connection;

enum load_end {
    LOAD_ANSWERED, /* whole */
    LOAD_CONNECT, /* no connection came to be */
    LOAD_RESET, /* it ended before the answer did */
    LOAD_TIMEOUT,
    LOAD_MALFORMED, /* what came is no HTTP */
};

/* "connect" and so on; "status" for an answer. */
const char *load_end_name(enum load_end end);

/* What became of a request. Borrowed during the call. */
struct load_result {
    enum load_end end;
    unsigned status; /* 0: none came */
    const char *request_id; /* of an answer from 400 on; "" without */
    const char *problem; /* what the system or the parser says; "" of an answer */
    uint64_t bytes; /* of the answer */
};

/* What all connections of a run share. The owner fills it, and it outlives them. */
struct load_wire {
    struct event_base *base;
    const struct load_plan *plan;
    char buffer[65536]; /* what is being read */
    /* Called once for each load_connection_begin(), maybe before that returns. It may begin the next one, but
     * not clear the connection. */
    void (*on_end)(struct load_connection *connection, const struct load_result *result, void *context);
    void *context;
};

struct load_connection {
    struct load_wire *wire;
    int fd; /* -1: closed */
    struct event *readable, *writable;
    bool is_busy, is_connecting;
    size_t sent; /* of the request */
    struct load_answer answer;
    uint64_t bytes;
    /* The owner's. */
    TAILQ_ENTRY(load_connection) link;
    uint64_t due_ns, begun_ns;
};

void load_connection_init(struct load_connection *connection, struct load_wire *wire);

/* Sends a request. The one before has ended. */
void load_connection_begin(struct load_connection *connection);

/* Ends the request under way, and with it the connection. */
void load_connection_expire(struct load_connection *connection);

/* Closes it, without a word about a request under way. */
void load_connection_clear(struct load_connection *connection);

#endif
