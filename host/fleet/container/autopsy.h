/*
 * Why a container ended, or never came up: its exit code, whether memory ran out, and the last line it wrote.
 * Asked of the engine before the container is removed.
 */
#ifndef FLEET_CONTAINER_AUTOPSY_H
#define FLEET_CONTAINER_AUTOPSY_H

#include "base/error.h"
#include "fleet/container/container_output.h"
#include "fleet/engine/engine.h"

struct autopsy;

/* What was expected of the container when it was given up. */
enum autopsy_case {
    AUTOPSY_DIED, /* it has ended by itself, or is about to */
    AUTOPSY_TIMED_OUT, /* it was not ready in time */
    AUTOPSY_DISCONNECTED, /* its runner has closed every connection, and dials no more */
};

/* Reports the cause. Of component "container": reason "out-of-memory", "container-exited", "container-killed"
 * or "container-gone" (fault.h says which is whose doing); "start-timeout"; component "runner", "runner-gone"
 * when it runs on; and what kept the engine from telling, of component "docker". Valid UTF-8. Once, from the
 * event loop, within seconds. */
typedef void autopsy_done_fn(void *owner, const struct error *cause);

/* The phase in which the command of a container is run. */
#define AUTOPSY_STARTING "it was starting"

/* What is looked into. Texts are copied; `output` outlives the autopsy. */
struct autopsy_subject {
    const char *container_id;
    const char *phase; /* what was going on: AUTOPSY_STARTING, "it loaded the function", ... */
    const char *trouble; /* what has kept it from being ready, as far as that is known; or NULL */
    const char *advice; /* what to do about that: a constant, or NULL */
    struct container_output *output; /* what the container writes, or NULL */
    uint64_t memory_bytes; /* the limits that messages name */
    unsigned start_timeout_ms;
};

struct autopsy *autopsy_start(struct engine *engine, enum autopsy_case what,
                              const struct autopsy_subject *subject, autopsy_done_fn *done, void *owner);

/* Somebody has had the engine send the container a signal: what it dies of has come from outside. */
void autopsy_note_signal(struct autopsy *autopsy);

/* Ends it silently. NULL is fine. */
void autopsy_cancel(struct autopsy *autopsy);

#endif
