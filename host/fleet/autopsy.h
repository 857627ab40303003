/*
 * Why a container ended, or never came up: its exit code, whether memory ran out, and the last line it wrote.
 * Asked of Docker before the container is removed.
 */
#ifndef FLEET_AUTOPSY_H
#define FLEET_AUTOPSY_H

#include "base/error.h"
#include "fleet/fleet_env.h"

struct autopsy;

/* What was expected of the container when it was given up. */
enum autopsy_case {
    AUTOPSY_DIED,      /* it ended by itself */
    AUTOPSY_TIMED_OUT, /* it was not ready in time */
};

/* Reports the cause: reason "out-of-memory", "container-exited" or "start-timeout". Once, from the event
 * loop. */
typedef void autopsy_done_fn(void *owner, const struct error *cause);

/* `memory_bytes` is the limit the message names; `phase` says what was going on ("starting", "loading the
 * function", ...). Texts are copied. */
struct autopsy *autopsy_start(const struct fleet_env *env, const char *container_id, enum autopsy_case what,
                              const char *phase, uint64_t memory_bytes, autopsy_done_fn *done, void *owner);

/* Ends it silently. NULL is fine. */
void autopsy_cancel(struct autopsy *autopsy);

#endif
