/*
 * What the processes of one instance write: standard output and standard error are two pipes in the
 * instance's directory, <run dir>/<instance>/stdout and stderr, that its container opens for writing
 * (container_spec.c). So no line passes through the engine: none is lost or stands still when that is
 * restarted, and nothing is kept on the disk. Who writes faster than is read waits. Control thread.
 */
#ifndef FLEET_INSTANCE_INSTANCE_OUTPUT_H
#define FLEET_INSTANCE_INSTANCE_OUTPUT_H

#include "fleet/fleet_env.h"
#include "fleet/output/function_output.h"
#include "fleet/output/output_tail.h"

/* The names of the pipes in the directory. */
#define INSTANCE_STDOUT "stdout"
#define INSTANCE_STDERR "stderr"

/* How long bytes may wait for the end of their line before they are shown without. */
#define OUTPUT_PARTIAL_MS 1000

struct instance_output;

/* Makes the pipes in `dir`. Nothing is read yet: what is written waits in them, as much as they hold. The
 * names are copied. */
int instance_output_open(const struct fleet_env *env, const char *dir, const char *instance,
                         struct instance_output **ret_output, struct error *err);

/* Hands each line on to the output of its function, which outlives this, from now on. Once. */
void instance_output_follow(struct instance_output *output, struct function_output *function);

/* Reads what has been written so far, unfinished lines included: the writer has ended, or is about to be
 * spoken of. NULL is fine. */
void instance_output_drain(struct instance_output *output);

/* Hands on the lines of a traceback that came in the runner's answer. */
void instance_output_add_traceback(struct instance_output *output, const char *traceback);

/* The last lines; NULL of NULL. */
const struct output_tail *instance_output_tail(const struct instance_output *output);

/* Drains it, and forgets it. NULL is fine. */
void instance_output_close(struct instance_output *output);

#endif
