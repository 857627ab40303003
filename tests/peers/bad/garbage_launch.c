/* Describes a launch that cannot be. */
#include "bad.h"

static int launch(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_launch garbage = {
        .struct_size = sizeof(garbage),
        .command = good_command,
        .concurrency = 1,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = "this is not JSON",
    };
    host->set_launch(job, &garbage);
    return 0;
}

BAD_PLUGIN("garbage-launch", BERTH_ABI_MAJOR, good_validate, good_package, launch)
