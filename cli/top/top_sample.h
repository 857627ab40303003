/*
 * What /berth/functions says at a moment, and what has happened between two of them. No I/O: plain data.
 */
#ifndef CLI_TOP_TOP_SAMPLE_H
#define CLI_TOP_TOP_SAMPLE_H

#include "base/histogram.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top_function {
    char *name, *state;
    bool is_callable;
    unsigned ready, busy, starting, waiting, kept_warm;
    uint64_t memory_bytes;
    /* Since the daemon's start. */
    uint64_t invocations, failed, cold_starts;
    uint64_t within[HISTOGRAM_BOUNDS + 1]; /* answered within each bound; at all */
    /* Since the sample before; NAN: not known. */
    double requests_per_s, errors_per_s;
    double p50_ms, p99_ms; /* INFINITY: beyond the last bound */
};

struct top_sample {
    struct top_function *functions; /* by name */
    size_t count;
    uint64_t at_ns;
};

/* Reads the answer. -1: it is no such list, and there is nothing to clear. */
int top_sample_read(const json_t *answer, uint64_t at_ns, struct top_sample *ret_sample);
void top_sample_clear(struct top_sample *sample);

/* Fills in what has happened since `before`. Counts that have become less tell that the daemon was started
 * anew meanwhile: then nothing is known. */
void top_sample_compare(struct top_sample *sample, const struct top_sample *before);

/* The sum of what is known. */
struct top_function top_sample_sum(const struct top_sample *sample);

#endif
