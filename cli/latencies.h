/*
 * Durations, kept so finely that every percentile is right within 1 %, in memory that does not grow with
 * their number. No locks: plain data. Zero-initialised is empty.
 */
#ifndef CLI_LATENCIES_H
#define CLI_LATENCIES_H

#include <stddef.h>
#include <stdint.h>

/* Each power of two has so many bins, which are as wide as one another. */
#define LATENCIES_STEPS 128

/* Whatever takes longer than 2^43 ns, two hours and a half, counts as that. */
#define LATENCIES_BITS 43
#define LATENCIES_BINS ((LATENCIES_BITS - 6) * LATENCIES_STEPS)

struct latencies {
    uint64_t count, sum_ns, min_ns, max_ns;
    uint64_t bins[LATENCIES_BINS];
};

void latencies_add(struct latencies *latencies, uint64_t duration_ns);

/* The duration, in nanoseconds, that a part (0 to 1) of them did not exceed: 0.99 gives the 99th percentile.
 * 0 without any. */
uint64_t latencies_at(const struct latencies *latencies, double part);

/* Nanoseconds; 0 without any. */
uint64_t latencies_mean(const struct latencies *latencies);

#endif
