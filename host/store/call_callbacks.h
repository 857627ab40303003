/*
 * Callbacks of calls in their store: which results are to be posted to whoever asked for it, and what has
 * come of that. A call with a callback under way is kept, with its result, until that has ended. All of it
 * happens within transactions of the store, on the calls thread; -1, `err` filled: the store refuses.
 */
#ifndef STORE_CALL_CALLBACKS_H
#define STORE_CALL_CALLBACKS_H

#include "store/call_store.h"

enum callback_state {
    CALLBACK_STATE_WAITING,
    CALLBACK_STATE_POSTING,
    CALLBACK_STATE_DELIVERED,
    CALLBACK_STATE_GIVEN_UP,
};

struct callback_new {
    int64_t number; /* of the call, which has just ended */
    const char *receiver; /* host and port */
    bool is_signed; /* it must not go without a signature */
    bool keeps_result; /* once it has ended */
    uint64_t due_ms;
};

/* How a try ended. */
struct callback_try {
    int status; /* 0: no answer */
    const char *reason, *message; /* NULL: delivered */
    uint64_t ended_ms;
};

struct callback_record {
    int64_t number;
    enum callback_state state;
    unsigned attempts; /* that have begun */
    char *receiver;
    bool is_signed;
    uint64_t due_ms;
    uint64_t ended_ms; /* of the last try; 0: none has ended */
    int status; /* of its answer; 0: none */
    char *reason, *message; /* of its failure, or NULL */
};

void callback_record_clear(struct callback_record *record);

/* In the place of one that an earlier end of the same call has left. */
int call_callbacks_put(struct call_store *store, const struct callback_new *callback, struct error *err);

/* The waiting one that has been due for longest, of a call that has ended, without those of `busy` receivers:
 * a list of JSON. Where none is, one that would wait for longer than `longest_ms`: the clock has been set
 * back since. 1, 0: none. */
int call_callbacks_next(struct call_store *store, uint64_t now_ms, uint64_t longest_ms, const char *busy,
                        struct callback_record *ret_record, struct error *err);

/* When the earliest of them is due; UINT64_MAX: none waits. */
int call_callbacks_next_due(struct call_store *store, const char *busy, uint64_t *ret_due_ms,
                            struct error *err);

/* A try begins: waiting -> posting, attempts + 1. */
int call_callbacks_begin_try(struct call_store *store, int64_t number, struct error *err);
/* It was none after all: posting -> waiting, attempts - 1. One that waits stays as it is. */
int call_callbacks_put_back(struct call_store *store, int64_t number, struct error *err);
/* It has ended and there is to be another: posting -> waiting. */
int call_callbacks_retry(struct call_store *store, int64_t number, const struct callback_try *end,
                         uint64_t due_ms, struct error *err);
/* It has ended, and the callback with it: posting -> `state`. */
int call_callbacks_end(struct call_store *store, int64_t number, enum callback_state state,
                       const struct callback_try *end, struct error *err);

/* That of a call: 1, 0: it has none. */
int call_callbacks_find(struct call_store *store, int64_t number, struct callback_record *ret_record,
                        struct error *err);

#endif
