/*
 * One attempt: a call's request to its function, through the gateway, and what comes back.
 */
#ifndef CALLS_DELIVERY_H
#define CALLS_DELIVERY_H

#include "calls/retry.h"
#include "store/call_store.h"

#include <stdbool.h>
#include <stdint.h>

struct calls_env;
struct delivery;

#define REQUEST_ID_MAX (CALL_ID_DIGITS + 12)

/* The id of the request that is the call's attempt of that number, as the gateway's records have it. */
void delivery_request_id(const char *call_id, unsigned attempt, char ret_id[REQUEST_ID_MAX]);

/* How it ended. Valid until the delivery is destroyed. */
struct delivery_result {
    enum attempt_kind kind;
    int status; /* 0: there was no answer */
    const char *reason, *message; /* of whatever is no answer of the function; else NULL */
    uint64_t retry_after_ms;
    uint64_t ended_ms, run_ms;
    const char *head; /* "Name: value\r\n" for each header of the answer that is the function's own */
    struct call_body body;
    bool cut; /* there was more of the body than could be kept */
};

struct delivery_spec {
    struct calls_env *env;
    const struct call_record *record; /* outlives it */
    unsigned attempt; /* 1: the first */
    bool keeps_result;
    /* From the event loop, once. */
    void (*ended)(void *owner, const struct delivery_result *result);
    void *owner;
};

/* Begins. -1, `err` filled: the body is not to be had. */
int delivery_start(const struct delivery_spec *spec, struct delivery **ret_delivery, struct error *err);

/* Breaks it off if it has not ended. Not from a callback but ended(). NULL is fine. */
void delivery_destroy(struct delivery *delivery);

#endif
