/* What happens in a run, line by line: what the daemon logs, and what the simulation does to it. Two runs are
 * the same when their hashes are. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "totals.h"

#include <stdint.h>

struct log_field;

/* Shown each event of the daemon's log. */
typedef void trace_observe_fn(const char *event, const struct log_field *fields);

void trace_begin(trace_observe_fn *observe);

/* A line about what the simulation does. */
void trace_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something goes wrong, on purpose: counted, and a line. */
void trace_fault(enum fault fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t trace_hash(void);

/* The text of a field, or "". */
const char *trace_field(const struct log_field *fields, const char *key);

/* A rule is broken: the run ends here. */
_Noreturn void trace_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
