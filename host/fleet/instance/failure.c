#include "fleet/instance/failure.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

void failure_note(struct failure *failure, const struct instance *instance, const struct error *cause)
{
    const char *traceback = instance_traceback(instance);
    failure_clear(failure);
    *failure = (struct failure){
        .at_ms = clock_ms(),
        .cause = error_keep(cause),
        .traceback = traceback ? xstrdup(traceback) : NULL,
        .output = instance_last_output(instance),
    };
    memcpy(failure->instance, instance_name(instance), INSTANCE_ID_DIGITS);
}

void failure_clear(struct failure *failure)
{
    free(failure->cause);
    free(failure->traceback);
    free(failure->output);
    *failure = (struct failure){0};
}
