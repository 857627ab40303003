/*
 * Outgoing HTTP requests, on libcurl: asynchronous, on one event base, without locks. Everything here belongs
 * to the thread that runs the base.
 *
 * A request ends with exactly one done(), after which it is gone; outgoing_cancel() ends it earlier and
 * silently. Callbacks come from the event loop, never from inside outgoing_start() or outgoing_cancel(). They
 * may start requests and cancel any, their own included; they must not destroy the client.
 *
 * Connections are kept for the requests that follow, and one that turns out to have been closed meanwhile is
 * replaced. No redirect is followed, and nothing is spoken but HTTP/1.1, plain or over TLS, whose
 * certificates must be those of the URL's host. Over a unix socket, and where addresses are judged, no proxy
 * is used, whatever the environment says. Names are resolved on threads of curl's own.
 *
 * Descriptors that curl makes for itself go to a child that does not close them.
 */
#ifndef OUTGOING_OUTGOING_H
#define OUTGOING_OUTGOING_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTGOING_HEAD_MAX (64u << 10) /* bytes of an answer's head */

struct event_base;
struct ip_address;
struct outgoing;
struct outgoing_request;

enum outgoing_outcome {
    OUTGOING_ANSWERED, /* a whole answer has come, of whatever status */
    OUTGOING_UNREACHABLE, /* no connection was to be had */
    OUTGOING_CUT, /* the connection ended before the answer did */
    OUTGOING_TIMED_OUT, /* `timeout_ms` or `connect_ms` were over */
    OUTGOING_MALFORMED, /* what came is no HTTP that is understood, or the request is none */
    OUTGOING_STOPPED, /* by a callback that returned -1 */
    OUTGOING_FORBIDDEN, /* no connection was to be had, and refuse() has refused; `text` is what it said */
};

struct outgoing_end {
    enum outgoing_outcome outcome;
    int errnum; /* of OUTGOING_UNREACHABLE, where the system said why; else 0 */
    const char *text; /* what was wrong, in a few words; "" when answered */
};

/* Each may be NULL but done(). Those that return int break the request off with -1. */
struct outgoing_callbacks {
    /* Judges each address that the request is about to connect to, so that what a name stands for at another
     * time does not count. NULL: it may; else why not, static. The request has a connection of its own then.
     */
    const char *(*refuse)(void *owner, const struct ip_address *address);

    /* The answer's head has come, that of an interim answer (1xx) excepted. */
    int (*head)(void *owner, int status);

    /* A run of the answer's body. */
    int (*body)(void *owner, const char *bytes, size_t size);

    /* Writes up to `size` bytes of the request's body; *ret_length 0 is its end. It is sent with its length,
     * where that is known, or in chunks, over a connection of its own because it cannot be repeated. */
    int (*send)(void *owner, char *buffer, size_t size, size_t *ret_length);

    void (*done)(void *owner, const struct outgoing_end *end);
};

/* What is asked for. All of it is copied but the callbacks, which are static. */
struct outgoing_spec {
    const char *method;
    const char *url;
    const char *target; /* sent as it is, in the place of the URL's path and query; or NULL */
    const char *socket_path; /* of a unix socket to connect to, whatever the URL's host; or NULL */
    const char *const
        *headers; /* "Name: value", or "Name:" for one without a value; ended by NULL; may be NULL */
    bool exact; /* nothing but these, Host and what delimits the body: no Accept, no type of a body */
    const char *body; /* sent with its length; NULL: none, or that of send() */
    size_t body_size;
    uint64_t send_size; /* of all that send() will write; 0: not known */
    unsigned connect_ms; /* until there is a connection; more than 0 */
    unsigned timeout_ms; /* from the connection's beginning to the end of the answer; 0: none */
    const struct outgoing_callbacks *callbacks;
    void *owner;
};

/* Makes a client; opens no connection yet. */
int outgoing_create(struct event_base *base, struct outgoing **ret_client, struct error *err);

/* Cancels every request and closes every connection. Not from a callback. NULL is fine. */
void outgoing_destroy(struct outgoing *client);

/* Starts a request, never NULL. */
struct outgoing_request *outgoing_start(struct outgoing *client, const struct outgoing_spec *spec);

/* Breaks a request off without any further callback. NULL is fine. */
void outgoing_cancel(struct outgoing_request *request);

/* The value of a header of the answer, or NULL. For head(), and until done() returns; borrowed until then. */
const char *outgoing_header(const struct outgoing_request *request, const char *name);

/* Calls visit() for every header of the answer, in their order; at the same times. */
void outgoing_each_header(const struct outgoing_request *request,
                          void (*visit)(void *context, const char *name, const char *value), void *context);

#endif
