/*
 * The host's own exchanges on a connection that a runner opened: POST /.berth/prewarm and POST /.berth/init,
 * and their answers (docs/runner-protocol.md). A refusal counts even when it comes before the whole request
 * was read. Control thread.
 */
#ifndef FLEET_LINK_HANDSHAKE_H
#define FLEET_LINK_HANDSHAKE_H

#include "base/error.h"

#include <stdbool.h>

struct event_base;
struct handshake;

enum handshake_request {
    HANDSHAKE_INIT, /* load the function */
    HANDSHAKE_PREWARM, /* load libraries, before the function is known */
};

/* Without `err` that is done, the connection is idle, and `text` is the body of the answer. Errors: component
 * "runner"; reasons "load-failed" (the function's own fault, or that of its libraries; the message quotes the
 * runner), "runner-gone" (it closed the connection), "runner-protocol". With "load-failed" `text` is the
 * traceback that the runner gave, many lines, or NULL. It is borrowed. Once, from the event loop; the
 * handshake is gone afterwards and the fd is still open. */
typedef void handshake_done_fn(void *owner, const struct error *err, const char *text);

/* Sends the settings, a JSON object, which is copied. `fd` is non-blocking and stays the caller's, who must
 * not use it until the end. */
struct handshake *handshake_start(struct event_base *base, int fd, enum handshake_request request,
                                  const char *settings, handshake_done_fn *done, void *owner);

/* Like handshake_done_fn, for a function that is loaded already. `working`: the runner says that something of
 * the function still works, although it owes no answer. */
typedef void handshake_told_fn(void *owner, const struct error *err, bool working);

/* Repeats the init, which loads nothing again, to learn whether the runner still works. */
struct handshake *handshake_ask(struct event_base *base, int fd, const char *settings,
                                handshake_told_fn *told, void *owner);

/* Ends it silently. NULL is fine. */
void handshake_cancel(struct handshake *handshake);

#endif
