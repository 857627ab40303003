/*
 * HTTP/1.1 by hand, for what clients do and no client library lets one do: bodies that stop in the middle,
 * answers that are read while the request is still sent, connections that go away. One connection; every call
 * waits.
 */
#ifndef PLUGIN_TEST_TALK_H
#define PLUGIN_TEST_TALK_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TALK_BYTES_MAX (32u << 20) /* of an answer */

struct talk {
    int fd; /* -1: closed */
    struct strbuf received; /* of the answer that is to come, its head included */
};

/* Begin with talk_clear() done, or a struct of zeros whose fd is -1. */
struct talk_answer {
    int status;
    bool closes; /* the connection is of no further use */
    bool is_chunked;
    struct strbuf body;
};

void talk_answer_init(struct talk_answer *answer);
void talk_answer_clear(struct talk_answer *answer);

/* Connects to "ADDRESS:PORT", an IPv4 address, or to the unix socket at a path that begins with "/". */
int talk_open(struct talk *talk, const char *place, struct error *err);

/* Closes what is open. */
void talk_close(struct talk *talk);

/* Sends the bytes and receives one whole answer, both at once. `head_only`: the request was a HEAD. The
 * answer's body replaces what was in it. -1: no whole, valid answer within `timeout_ms`, and why. */
int talk_exchange(struct talk *talk, const void *bytes, size_t size, bool head_only, unsigned timeout_ms,
                  struct talk_answer *answer, struct error *err);

/* Sends the bytes, and nothing more for now. */
int talk_send(struct talk *talk, const void *bytes, size_t size, unsigned timeout_ms, struct error *err);

/* Receives until what has come of the answer has `words` in it, or `timeout_ms` is over: whether it has. It
 * counts for talk_exchange() all the same. */
bool talk_has(struct talk *talk, const char *words, unsigned timeout_ms);

/* One request over a connection of its own: without a body, or with this JSON (NULL: without). */
int talk_ask(const char *place, const char *method, const char *target, const json_t *body,
             unsigned timeout_ms, struct talk_answer *answer, struct error *err);

/* The same without a body. NULL: there was no answer with JSON, or none below 400. The caller lets go of it.
 */
json_t *talk_ask_json(const char *place, const char *method, const char *target, unsigned timeout_ms);

#endif
