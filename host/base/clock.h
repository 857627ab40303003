/* The monotonic clock. Logic takes the time as an argument; only the edges of the program read it here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some fixed point of this boot. */
uint64_t clock_ns(void);

/* Milliseconds since the same point. */
uint64_t clock_ms(void);

#endif
