/*
 * What the head of a request at the desk asks for, and what of it goes on to the function. Pure: no clock, no
 * store.
 */
#ifndef CALLS_DESK_ASK_H
#define CALLS_DESK_ASK_H

#include "http/head.h"
#include "store/call_store.h"

#include <stdbool.h>

#define DESK_HEAD_MAX (2u << 20) /* bytes of a head, more than the gateway passes on */

enum desk_ask_kind {
    DESK_ACCEPT, /* a call is to be done later */
    DESK_LOOK, /* what has become of one */
    DESK_RESULT, /* what its function has answered */
    DESK_CANCEL, /* it is not to be done */
};

struct desk_ask {
    enum desk_ask_kind kind;
    bool head_only; /* the method is HEAD: the answer has no body */
    char id[CALL_ID_DIGITS + 1]; /* of the call; "": none can have that, or kind is DESK_ACCEPT */
    const char *request_id; /* NULL: none */

    /* Of DESK_ACCEPT only. NULL: none. */
    const char *function, *method, *target; /* the target: path and query for the function */
    const char *callback_url, *key, *client;
    char *head; /* the header lines for the function, each ended by CRLF */

    char *texts; /* that the members point into */
};

/* Reads a parsed head, all of which is copied. -1: it asks for nothing that the desk knows. The caller clears
 * *ret_ask. */
int desk_ask_read(const struct http_head *head, struct desk_ask *ret_ask);

/* Of zeros is fine. */
void desk_ask_clear(struct desk_ask *ask);

#endif
