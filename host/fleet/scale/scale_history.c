#include "fleet/scale/scale_history.h"

#include "base/alloc.h"

#include <stdlib.h>

void scale_history_add(struct scale_history *history, const struct scale_inputs *inputs,
                       const struct scale_decision *decision)
{
    if (!history->records)
        history->records = xcalloc(SCALE_HISTORY_LENGTH, sizeof(*history->records));
    history->records[history->count++ % SCALE_HISTORY_LENGTH] =
        (struct scale_record){.inputs = *inputs, .decision = *decision};
}

void scale_history_clear(struct scale_history *history)
{
    free(history->records);
    *history = (struct scale_history){0};
}

size_t scale_history_length(const struct scale_history *history)
{
    return history->count < SCALE_HISTORY_LENGTH ? history->count : SCALE_HISTORY_LENGTH;
}

const struct scale_record *scale_history_at(const struct scale_history *history, size_t age)
{
    return &history->records[(history->count - 1 - age) % SCALE_HISTORY_LENGTH];
}
