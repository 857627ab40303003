/* The last decisions of the autoscaler about one function, with what they were made from: for later
 * questions. Control thread. */
#ifndef FLEET_SCALE_SCALE_HISTORY_H
#define FLEET_SCALE_SCALE_HISTORY_H

#include "fleet/scale/autoscaler.h"

#include <stddef.h>

#define SCALE_HISTORY_LENGTH 32

struct scale_record {
    struct scale_inputs inputs; /* inputs.now_ms is when */
    struct scale_decision decision;
};

/* Zero-initialised is empty; its memory comes with the first decision. */
struct scale_history {
    struct scale_record *records; /* a ring */
    size_t count; /* decisions ever added */
};

void scale_history_add(struct scale_history *history, const struct scale_inputs *inputs,
                       const struct scale_decision *decision);
void scale_history_clear(struct scale_history *history);

/* How many are kept. */
size_t scale_history_length(const struct scale_history *history);

/* The `age`th newest, 0 the newest; `age` is below the length. Owned by the history. */
const struct scale_record *scale_history_at(const struct scale_history *history, size_t age);

#endif
