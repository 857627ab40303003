/* Hands on the output of a compiler as it came. */
#include "poor.h"

static int validate(POOR_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_diagnostic garbled = {.struct_size = sizeof(garbled),
                                             .severity = BERTH_SEVERITY_WARNING,
                                             .message = "\x1b[1mmain.x:1:\x1b[0m this is odd\n  here"};
    return host->report(job, &garbled);
}

POOR_PLUGIN("garbled-findings", validate, good_package, good_launch)
