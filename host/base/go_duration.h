/* Durations as programs in Go write them: "1m30s", "500ms", "1.5h". */
#ifndef BASE_GO_DURATION_H
#define BASE_GO_DURATION_H

#include <stdint.h>

/* Reads one; a number alone counts seconds. -1: it is none, or negative, or longer than a year. */
int go_duration_read(const char *text, uint64_t *ret_ms);

#endif
