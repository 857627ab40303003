/* Says twice how instances are started, the second time with garbage. */
#include "bad.h"

static int launch(BAD_ARGUMENTS)
{
    const struct berth_launch garbage = {
        .struct_size = sizeof(garbage),
        .command = good_command,
        .concurrency = 4000000000u,
        .transport = (enum berth_transport)77,
        .runtime = "{\"not\": json",
    };
    if (good_launch(host, job, function, err) < 0)
        return -1;
    host->set_launch(job, &garbage);
    return 0;
}

BAD_PLUGIN("duplicate-launch", BERTH_ABI_MAJOR, good_validate, good_package, launch)
