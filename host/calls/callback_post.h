/*
 * One try of a callback: the result of a call that has ended, posted to its receiver. On the calls thread's
 * event loop, which no part of it holds up, however large the result and however slow the receiver.
 */
#ifndef CALLS_CALLBACK_POST_H
#define CALLS_CALLBACK_POST_H

#include "base/error.h"
#include "base/locked.h"
#include "base/network.h"
#include "store/call_store.h"

#include <stdint.h>

struct callback_post;
struct event_base;
struct outgoing;

enum callback_outcome {
    CALLBACK_DELIVERED, /* the receiver has answered with a status from 200 to 299 */
    CALLBACK_FAILED, /* it may work another time */
    CALLBACK_REFUSED, /* by this host: no callback goes to that address */
};

/* How it ended. Valid during ended(). */
struct callback_result {
    enum callback_outcome outcome;
    int status; /* that the receiver has answered with; 0: there was no answer */
    const char *reason; /* a slug; NULL: delivered */
    const char *message; /* the same in a sentence; NULL likewise */
    uint64_t retry_after_ms; /* that the receiver asks to wait; 0: it does not */
};

struct callback_post_spec {
    struct event_base *base;
    struct outgoing *outgoing;
    const struct network_list *allowed; /* networks that are not refused; outlives it */
    const struct call_record *record; /* with its result; outlives it */
    const struct locked *key; /* of the signature; used during the call. NULL: it is not signed */
    /* From the event loop, once. */
    void (*ended)(void *owner, const struct callback_result *result);
    void *owner;
};

/* Begins. -1, `err` filled: the result is not to be had. */
int callback_post_start(const struct callback_post_spec *spec, struct callback_post **ret_post,
                        struct error *err);

/* Breaks it off if it has not ended. Not from a callback but ended(). NULL is fine. */
void callback_post_destroy(struct callback_post *post);

#endif
