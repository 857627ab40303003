/* Durations, by how many took no longer than each of a row of bounds. No locks: plain data. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 15

/* Ascending, in milliseconds. */
extern const unsigned histogram_bounds_ms[HISTOGRAM_BOUNDS];

/* Zero-initialised is empty. */
struct histogram {
    uint64_t count;
    uint64_t
        up_to[HISTOGRAM_BOUNDS]; /* so many took no longer than the bound, but longer than the one before */
    uint64_t sum_ns;
};

/* Adds to a histogram that is made when it gets its first duration. The owner frees it. */
void histogram_add(struct histogram **histogram, uint64_t duration_ns);

/* How many took no longer than the bound of this index. */
uint64_t histogram_within(const struct histogram *histogram, size_t bound);

#endif
