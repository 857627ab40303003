/*
 * How much of a function's output may go into the log of the daemon: a rate, and OUTPUT_BURST_S seconds'
 * worth of it at once. What exceeds it is dropped and counted. Pure; the time, that of clock_ms(), is passed
 * in.
 */
#ifndef FLEET_OUTPUT_OUTPUT_LIMIT_H
#define FLEET_OUTPUT_OUTPUT_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_BURST_S 300

struct output_drops {
    uint64_t lines, bytes;
    uint64_t since_ms; /* when the first was dropped; 0: none was */
};

/* Zero-initialised: nothing has been written yet. */
struct output_limit {
    bool used;
    uint64_t filled_ms; /* up to when `left_millibytes` counts what the rate gives */
    int64_t left_millibytes; /* below 0: what the last record took too much */
    struct output_drops fresh; /* not told of yet */
    uint64_t dropped_lines, dropped_bytes;
};

/* Whether the next record may be written. `rate_bytes` are allowed a second; 0: any number. */
bool output_limit_allows(struct output_limit *limit, uint64_t rate_bytes, uint64_t now_ms);

/* A record of this size has been written. */
void output_limit_spend(struct output_limit *limit, size_t bytes);

/* A line of this length has been dropped. */
void output_limit_drop(struct output_limit *limit, size_t bytes, uint64_t now_ms);

/* What was dropped since this was last asked; false when nothing was. */
bool output_limit_take_drops(struct output_limit *limit, struct output_drops *ret_drops);

#endif
