/*
 * How often each function was called, how that ended and how long it took, from the records of its requests:
 * what is counted here is what the records say, and nothing else is asked. Control thread.
 */
#ifndef ADMIN_REQUEST_COUNTS_H
#define ADMIN_REQUEST_COUNTS_H

#include "base/histogram.h"
#include "base/tally.h"
#include "gateway/request_record.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_CLASSES 6 /* by the status' first digit; 0: there was no answer */

/* So many statuses of one function are told apart; what it answers with others counts as their class. */
#define REQUEST_STATUSES 16

struct status_count {
    uint16_t status; /* below REQUEST_CLASSES: the class */
    uint64_t count;
    struct histogram *seconds; /* of those that are timed; or NULL */
};

/* What is told apart of a request beside its status. */
struct request_kind {
    unsigned class; /* of its status */
    bool is_cold;
    enum error_component component;
    enum error_code code; /* ERROR_NONE: nothing went wrong that Berth knows of */
};

struct request_count {
    uint64_t by_class[REQUEST_CLASSES];
    uint64_t total;
    struct status_count *statuses;
    size_t status_count;
    struct tally kinds; /* request_kind_of() says what a row's kind is */
    struct histogram *cold_waits; /* what cold starts waited; NULL: there was none */
};

struct counted_function;

struct request_counts {
    struct counted_function *by_name;
    struct counted_function *last; /* the one counted last, which is often the next one; or NULL */
    unsigned count, sweep_at; /* functions; so many have those swept out that are no more */
};

struct request_kind request_kind_of(uint32_t kind);

/* Whether its duration, from its head to its end, is the function's: a stream ends when it likes, and so does
 * what was not answered. */
bool request_is_timed(const struct request_record *record);

/* Counts a request, unless there is no such function. */
void request_counts_add(struct request_counts *counts, const struct request_record *record);

/* True when functions have been counted that may be no more: sweep. */
bool request_counts_is_grown(const struct request_counts *counts);

/* Forgets the functions that `is_known` does not know. */
void request_counts_sweep(struct request_counts *counts, bool (*is_known)(const char *name, void *context),
                          void *context);

/* Of a function; all zero when it was never called. What it points to is borrowed until the next request. */
struct request_count request_counts_of(const struct request_counts *counts, const char *name);

/* How many requests of the function have begun, when so many are under way now as whoever asks can see: some
 * are seen neither there nor among those that have ended, so that what was told before is the least. */
uint64_t request_counts_started(struct request_counts *counts, const char *name, uint64_t under_way);

void request_counts_clear(struct request_counts *counts);

#endif
