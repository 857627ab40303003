/* What the store has of calls, for those who look: pages of them, and the attempts of one. */
#ifndef STORE_CALL_LIST_H
#define STORE_CALL_LIST_H

#include "store/call_store.h"

struct call_filter {
    const char *function; /* NULL: any */
    int state; /* an enum call_state; -1: any */
    int64_t before; /* only numbers below this one; 0: from the newest on */
    unsigned limit;
};

/* The newest first, without heads and bodies. Owned by whoever read it: call_page_clear(). */
struct call_page {
    struct call_record *records;
    size_t count;
};

int call_page_read(struct call_store *store, const struct call_filter *filter, struct call_page *ret_page,
                   struct error *err);
void call_page_clear(struct call_page *page);

/* An attempt that has begun; those that the host had no room for are not kept. */
struct call_attempt {
    unsigned ordinal; /* from 1 on, over all of the call's life */
    char *request_id; /* or NULL */
    uint64_t begun_ms;
    uint64_t ended_ms; /* 0: it has not, or the daemon ended before */
    uint64_t run_ms;
    int status; /* 0: no answer */
    char *reason, *message; /* of a failure, or NULL */
};

/* The first one first. Owned by whoever read them: call_attempts_clear(). */
struct call_attempts {
    struct call_attempt *attempts;
    size_t count;
};

int call_attempts_read(struct call_store *store, int64_t number, struct call_attempts *ret_attempts,
                       struct error *err);
void call_attempts_clear(struct call_attempts *attempts);

#endif
