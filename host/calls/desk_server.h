/*
 * The desk's side of its unix socket: an HTTP/1.1 server for the gateway, which is its only client. A request
 * is read to its end, its body into a spool, then answered, whenever that is; until then its connection reads
 * nothing more. On one event base, on the calls thread.
 */
#ifndef CALLS_DESK_SERVER_H
#define CALLS_DESK_SERVER_H

#include "base/error.h"
#include "calls/desk_ask.h"
#include "calls/spool.h"
#include "store/call_store.h"

#include <stdint.h>

#define DESK_CONNECTIONS_MAX 512

struct desk_request;
struct desk_server;
struct event_base;

struct desk_handler {
    /* Part of a body is about to be kept, or, with `more` 0, a request to be received at all. -1, `err`
     * filled: refused() is next. */
    int (*check)(void *owner, const struct desk_request *request, uint64_t more, struct error *err);
    /* Nothing more of it is received, for the reason `err`. It is to be answered. */
    void (*refused)(void *owner, struct desk_request *request, const struct error *err);
    /* A request has come whole and is to be answered: now or later, by desk_request_answer(). */
    void (*whole)(void *owner, struct desk_request *request);
    void *owner;
};

/* Listens at `path`, in the place of what is there, for this user alone. `handler` is copied; `room` outlives
 * the server. */
int desk_server_create(struct event_base *base, const char *path, struct spool_room *room,
                       const struct desk_handler *handler, struct desk_server **ret_server,
                       struct error *err);

/* Closes every connection; no request may wait for its answer any more. Removes the socket. NULL is fine. */
void desk_server_destroy(struct desk_server *server);

/* Connections on which no request is: those that were answered last may be about to send one. */
unsigned desk_server_idle(const struct desk_server *server);

/* Of a request, until it is answered. */
const struct desk_ask *desk_request_ask(const struct desk_request *request);
struct call_body desk_request_body(const struct desk_request *request);

/* Bytes of the body that are announced; 0: that is not known. */
uint64_t desk_request_announced(const struct desk_request *request);

/* SHA-256 over method, target and body, of a whole request with a key; else NULL. */
const char *desk_request_fingerprint(const struct desk_request *request);

struct desk_answer {
    int status;
    const char *head; /* further header lines, each ended by CRLF; or NULL */
    const char *content_type; /* or NULL */
    struct call_body body; /* a file is read while it is sent, and stays */
};

/* Answers, after which the request is gone. */
void desk_request_answer(struct desk_request *request, const struct desk_answer *answer);

#endif
