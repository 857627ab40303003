/* Times of the wall clock as RFC 3339: 2024-05-01T09:30:00.123Z. */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stddef.h>
#include <stdint.h>

#define RFC3339_SIZE 25 /* of the text that is written, with its NUL */

/* Milliseconds since 1970, UTC. */
uint64_t wall_clock_ms(void);

/* Writes such a time in UTC with milliseconds, and returns `ret_text`. */
char *rfc3339_write(uint64_t time_ms, char ret_text[RFC3339_SIZE]);

/* Reads a time of any offset and with any digits of a second's parts, of which three count. -1: it is none,
 * or is before 1970. */
int rfc3339_read(const char *text, uint64_t *ret_time_ms);

#endif
