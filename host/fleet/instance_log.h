/* Follows what the container of a ready instance writes, and hands each line on to the output of its
 * function. */
#ifndef FLEET_INSTANCE_LOG_H
#define FLEET_INSTANCE_LOG_H

#include "fleet/fleet_env.h"
#include "fleet/function_output.h"

struct instance_log;

/* All output from the container's start on. Texts are copied, `output` outlives it. */
struct instance_log *instance_log_start(const struct fleet_env *env, const char *container_id,
                                        struct function_output *output, const char *instance);

/* Goes on where it was cut off: the engine has come back. Nothing happens when it is followed, or has ended
 * in order. NULL is fine. */
void instance_log_resume(struct instance_log *log);

/* NULL is fine. */
void instance_log_stop(struct instance_log *log);

#endif
