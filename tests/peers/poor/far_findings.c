/* Counts lines wrongly. */
#include "poor.h"

static int validate(POOR_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_diagnostic far = {.struct_size = sizeof(far),
                                         .severity = BERTH_SEVERITY_WARNING,
                                         .file = "main.x",
                                         .line = 99,
                                         .column = 1,
                                         .message = "this is odd"};
    return host->report(job, &far);
}

POOR_PLUGIN("far-findings", validate, good_package, good_launch)
