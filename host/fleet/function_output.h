/* What the instances of a function write, on its way into the log: a record a line, as many as `log_rate`
 * allows, and now and then one that says how many were dropped. Control thread. */
#ifndef FLEET_FUNCTION_OUTPUT_H
#define FLEET_FUNCTION_OUTPUT_H

#include "docker/container.h"
#include "fleet/fleet_env.h"

struct function_output;

/* `function`, its name, outlives it. */
struct function_output *function_output_create(const struct fleet_env *env, const char *function);

/* Tells of what was dropped last. NULL is fine. */
void function_output_destroy(struct function_output *output);

/* Writes a line of the instance's container, with the request that its mark names, or drops it. */
void function_output_write(struct function_output *output, const char *instance,
                           const struct docker_line *line);

/* All that has been dropped since the function is there. */
void function_output_dropped(const struct function_output *output, uint64_t *ret_lines, uint64_t *ret_bytes);

#endif
