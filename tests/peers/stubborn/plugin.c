/* A plugin that does everything right, for a runner that does not. */
#include "poor.h"

static int launch(POOR_ARGUMENTS)
{
    static const char *const command[] = {"/usr/local/bin/stubborn-runner", NULL};
    (void)function, (void)err;
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = command,
        .concurrency = 2,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    return host->set_launch(job, &description);
}

POOR_PLUGIN("stubborn", good_validate, good_package, launch)
