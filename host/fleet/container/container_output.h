/*
 * What the processes of one container write: standard output and standard error are two pipes in its
 * instance's directory, <run dir>/<instance>/stdout and stderr, that the container opens for writing. So no
 * line passes through the engine: none is lost or stands still when that is restarted, and nothing is kept on
 * the disk. Who writes faster than is read waits. Control thread.
 */
#ifndef FLEET_CONTAINER_CONTAINER_OUTPUT_H
#define FLEET_CONTAINER_CONTAINER_OUTPUT_H

#include "base/error.h"
#include "fleet/output/function_output.h"
#include "fleet/output/output_tail.h"

/* How long bytes may wait for the end of their line before they are shown without. */
#define OUTPUT_PARTIAL_MS 1000

struct container_output;
struct event_base;

/* Makes the pipes in `dir`. Nothing is read yet: what is written waits in them, as much as they hold. The
 * names are copied. */
int container_output_open(struct event_base *base, const char *dir, const char *instance,
                          struct container_output **ret_output, struct error *err);

/* Hands each line on to the output of its function, which outlives this, as one of its `revision`, from now
 * on. Once. */
void container_output_follow(struct container_output *output, struct function_output *function,
                             const char *revision);

/* Reads what has been written so far, unfinished lines included: the writer has ended, or is about to be
 * spoken of. NULL is fine. */
void container_output_drain(struct container_output *output);

/* Hands on the lines of a traceback that came in the runner's answer. */
void container_output_add_traceback(struct container_output *output, const char *traceback);

/* The last lines; NULL of NULL. */
const struct output_tail *container_output_tail(const struct container_output *output);

/* Drains it, and forgets it. NULL is fine. */
void container_output_close(struct container_output *output);

#endif
