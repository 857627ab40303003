/* What the instances of a function write, on its way into the log and to where it is kept: a record a line,
 * as many as `log_rate` allows, and now and then one that says how many were dropped. Control thread. */
#ifndef FLEET_OUTPUT_FUNCTION_OUTPUT_H
#define FLEET_OUTPUT_FUNCTION_OUTPUT_H

#include "config/registry.h"
#include "fleet/output/output_line.h"

#include <stdbool.h>

struct event_base;
struct function_output;
struct log_store;

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR, OUTPUT_TRACEBACK };

/* Who writes: an instance, and the revision that it serves, each by what it is shown with. */
struct output_origin {
    const char *instance, *revision;
};

/* `host`, `logs`, which keeps what is written and may be NULL, and `function`, its name, outlive it. */
struct function_output *function_output_create(struct event_base *base, const struct host_settings *host,
                                               struct log_store *logs, const char *function);

/* Tells of what was dropped last. NULL is fine. */
void function_output_destroy(struct function_output *output);

/* Writes a line of the instance's output, of at most LOG_TEXT_MAX bytes, or drops it. `cut`: the line goes on
 * with the next one of the same stream. */
void function_output_write(struct function_output *output, const struct output_origin *from,
                           enum output_stream stream, const struct output_line *line, bool cut);

/* Keeps a line that says what becomes of an instance: for who reads what it wrote. */
void function_output_tell(struct function_output *output, const struct output_origin *from,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the next line would be dropped. */
bool function_output_is_full(struct function_output *output);

/* All that has been dropped since the function is there. */
void function_output_dropped(const struct function_output *output, uint64_t *ret_lines, uint64_t *ret_bytes);

#endif
