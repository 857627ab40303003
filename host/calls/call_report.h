/*
 * What others are told of a call that has ended: whoever receives its callback, and the function that its own
 * function's settings name. Pure; any thread.
 */
#ifndef CALLS_CALL_REPORT_H
#define CALLS_CALL_REPORT_H

#include "base/strbuf.h"
#include "store/call_store.h"

/* A call at its end. Borrowed. */
struct call_ended {
    const char *id, *function;
    int status; /* of the last answer, whoever gave it; 0: there was none */
    const char *reason, *message; /* why it is dead, or NULL */
    const char *result_head; /* "Name: value\r\n" for each header; NULL: there is no result */
    struct call_body result;
    bool result_cut; /* there was no room for all of it */
    uint64_t accepted_ms, run_ms;
};

/* Of a record with its result, which is borrowed. */
struct call_ended call_ended_of(const struct call_record *record);

struct call_report {
    char *type, *encoding; /* of the body; NULL: the function said none */
    int status;
    struct call_body body; /* that of the result, borrowed; or `text` */
    char *text; /* without a result: why, as Berth's errors are written; or NULL */
};

/* Puts it together. */
void call_report_make(const struct call_ended *end, struct call_report *ret_report);
void call_report_clear(struct call_report *report);

/* Appends "Name: value\r\n" for each header that receivers of callbacks get, and for those that a function
 * gets.
 */
void call_report_callback_head(const struct call_report *report, const struct call_ended *end,
                               struct strbuf *head);
void call_report_function_head(const struct call_report *report, const struct call_ended *end,
                               struct strbuf *head);

#endif
