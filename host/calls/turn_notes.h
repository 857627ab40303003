/*
 * What is logged and counted of a turn: once it is kept, and nothing of one that is not.
 */
#ifndef CALLS_TURN_NOTES_H
#define CALLS_TURN_NOTES_H

#include "base/log.h"
#include "calls/call_counts.h"

struct turn;

/* Has a line written with the end of the turn. `event` and the keys last as long as the process; texts are
 * copied, and none is a LOG_BYTES. */
void turn_note_event(struct turn *turn, enum log_level level, enum log_purpose purpose, const char *event,
                     const struct log_field *fields);

/* Has something counted with the end of the turn. `counts` is borrowed until then. */
void turn_note_count(struct turn *turn, struct call_counts *counts, enum call_count count, uint64_t amount);

#endif
