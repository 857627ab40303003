/* Starts each function in a way of its own. */
#include "poor.h"

static int launch(POOR_ARGUMENTS)
{
    const char *const command[] = {"/bin/true", function->name, NULL};
    (void)err;
    const struct berth_launch own = {
        .struct_size = sizeof(own),
        .image = "not-there",
        .command = command,
        .concurrency = 1,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    return host->set_launch(job, &own);
}

POOR_PLUGIN("names-function", good_validate, good_package, launch)
