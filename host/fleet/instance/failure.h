/* How an instance was lost: what a function keeps of the last one. */
#ifndef FLEET_INSTANCE_FAILURE_H
#define FLEET_INSTANCE_FAILURE_H

#include "base/error.h"
#include "fleet/instance/instance.h"

/* Zero-initialised: none yet. */
struct failure {
    uint64_t at_ms; /* clock_ms(); 0: none yet, and nothing below */
    char instance[INSTANCE_ID_DIGITS + 1];
    struct kept_error *cause;
    char *traceback; /* all of what the runner gave when the function could not be loaded, or NULL */
    char *output; /* the last lines that the instance wrote, or NULL */
};

/* Puts this loss in the place of the one before; the texts are copied. */
void failure_note(struct failure *failure, const struct instance *instance, const struct error *cause);

void failure_clear(struct failure *failure);

#endif
