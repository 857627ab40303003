/* Times as a user writes them. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

#define WHEN_SIZE 32

/* "90s", "10m", "2h", "3d": that long before now_ms; else an RFC 3339 time. Milliseconds since 1970. -1,
 * said: it is neither. */
int when_read(const char *text, uint64_t now_ms, uint64_t *ret_time_ms);

/* "250ms", "90s", "10m", "1.5h": how long that is. -1: it is no duration. */
int duration_read(const char *text, uint64_t *ret_ms);

/* An RFC 3339 time in UTC for a table: "12:30:01.123", and the day before it when that is not today's. What
 * is none stays as it is, cut to WHEN_SIZE. Returns `ret_text`. */
const char *when_short(const char *time, uint64_t now_ms, char ret_text[WHEN_SIZE]);

#endif
