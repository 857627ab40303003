/*
 * How often each function was called, how that ended and how long it took, from the records of its requests:
 * what is counted here is what the records say, and nothing else is asked. Control thread.
 */
#ifndef ADMIN_REQUEST_COUNTS_H
#define ADMIN_REQUEST_COUNTS_H

#include "gateway/request_record.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_CLASSES 6 /* by the status' first digit; 0: there was no answer */
#define REQUEST_BUCKETS 15 /* of durations that end; what took longer is in none */

/* Upper ends of the buckets, in milliseconds. */
extern const unsigned request_bucket_ms[REQUEST_BUCKETS];

struct request_count {
    uint64_t by_class[REQUEST_CLASSES];
    uint64_t total;
    /* Of those that were answered, streams not among them, from the head on. */
    uint64_t timed;
    uint64_t within[REQUEST_BUCKETS]; /* so many took no longer */
    uint64_t sum_ns;
};

struct counted_function;

struct request_counts {
    struct counted_function *by_name;
    unsigned count, sweep_at; /* functions; so many have those swept out that are no more */
};

/* Counts a request, unless there is no such function. */
void request_counts_add(struct request_counts *counts, const struct request_record *record);

/* True when functions have been counted that may be no more: sweep. */
bool request_counts_is_grown(const struct request_counts *counts);

/* Forgets the functions that `is_known` does not know. */
void request_counts_sweep(struct request_counts *counts, bool (*is_known)(const char *name, void *context),
                          void *context);

/* Of a function; all zero when it was never called. */
struct request_count request_counts_of(const struct request_counts *counts, const char *name);

void request_counts_clear(struct request_counts *counts);

#endif
