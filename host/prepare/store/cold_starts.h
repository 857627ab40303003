/*
 * When requests of a function had to wait for instances, the newest times only. Pure: times are those of the
 * wall, in milliseconds since 1970, and are passed in. Zero-initialised is empty.
 */
#ifndef PREPARE_STORE_COLD_STARTS_H
#define PREPARE_STORE_COLD_STARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COLD_STARTS_KEPT 32
#define COLD_BURST_MS    5000 /* in which a prewarmed instance that was taken is hardly replaced */

/* Instances that were wanted at once, or nearly so. */
struct cold_burst {
    uint64_t at_ms; /* of the first */
    unsigned count;
};

struct cold_starts {
    struct cold_burst *items; /* oldest first, at most COLD_STARTS_KEPT; NULL: none yet */
    size_t count;
    bool is_changed; /* since somebody has set it to false; not written */
};

/* So many instances more are wanted. What lies ahead of `now_ms`, because a clock was set back, is forgotten.
 */
void cold_starts_add(struct cold_starts *starts, unsigned count, uint64_t now_ms);

/* [[1700000000000, 3], ...]; NULL when there are none. The caller owns it. */
json_t *cold_starts_to_json(const struct cold_starts *starts);

/* Takes what is such a list; of anything else nothing. The caller clears *ret_starts. */
void cold_starts_read(const json_t *json, struct cold_starts *ret_starts);

void cold_starts_clear(struct cold_starts *starts);

#endif
