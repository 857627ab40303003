/* The monotonic clock. Logic takes the time as an argument; only the edges of the program read it here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since some fixed point of this boot. */
uint64_t clock_ns(void);

/* Milliseconds since the same point. */
uint64_t clock_ms(void);

/* Writes the wall clock as RFC 3339 in UTC with milliseconds, e.g. 2024-05-01T09:30:00.123Z, and returns
 * `buffer`. */
char *clock_rfc3339(char *buffer, size_t size);

#endif
