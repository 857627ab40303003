/* The call that a run of a schedule is. */
#ifndef CALLS_SCHEDULED_CALL_H
#define CALLS_SCHEDULED_CALL_H

#include "config/registry.h"
#include "store/call_store.h"

/* Borrowed. */
struct scheduled_call {
    const char *function;
    const struct function_schedule *schedule;
    uint64_t planned_ms; /* the time of the schedule */
    uint64_t now_ms;
};

/* Puts it into the store, due at its time, put off as the schedule says. *ret_number is the call's. */
int scheduled_call_put(struct call_store *store, const struct scheduled_call *run, int64_t *ret_number,
                       struct error *err);

#endif
