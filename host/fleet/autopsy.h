/*
 * Why a container ended, or never came up: its exit code, whether memory ran out, and the last line it wrote.
 * Asked of Docker before the container is removed.
 */
#ifndef FLEET_AUTOPSY_H
#define FLEET_AUTOPSY_H

#include "base/error.h"
#include "fleet/fleet_env.h"
#include "fleet/instance_output.h"

struct autopsy;

/* What was expected of the container when it was given up. */
enum autopsy_case {
    AUTOPSY_DIED,         /* it has ended by itself, or is about to */
    AUTOPSY_TIMED_OUT,    /* it was not ready in time */
    AUTOPSY_DISCONNECTED, /* its runner has closed every connection, and dials no more */
};

/* Reports the cause. Of component "container": reason "out-of-memory", "container-exited", "container-killed"
 * or "container-gone" (fault.h says which is whose doing); "start-timeout"; component "runner", "runner-gone"
 * when it runs on; and what kept the engine from telling, of component "docker". Valid UTF-8. Once, from the
 * event loop, within seconds. */
typedef void autopsy_done_fn(void *owner, const struct error *cause);

/* The phase in which the command of a container is run. */
#define AUTOPSY_STARTING "it was starting"

/* `output` is what the container writes, or NULL; it outlives the autopsy. `memory_bytes` and
 * `start_timeout_ms` are the limits that messages name; `phase` says what was going on (AUTOPSY_STARTING, "it
 * loaded the function", ...). Texts are copied. */
struct autopsy *autopsy_start(const struct fleet_env *env, const char *container_id,
                              struct instance_output *output, enum autopsy_case what, const char *phase,
                              uint64_t memory_bytes, unsigned start_timeout_ms, autopsy_done_fn *done,
                              void *owner);

/* Somebody has had the engine send the container a signal: what it dies of has come from outside. */
void autopsy_note_signal(struct autopsy *autopsy);

/* Ends it silently. NULL is fine. */
void autopsy_cancel(struct autopsy *autopsy);

#endif
