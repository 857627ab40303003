/* Offers no sample function. */
#include "bad.h"

static int launch(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_launch listening = {
        .struct_size = sizeof(listening),
        .image = "nginx:latest",
        .concurrency = 16,
        .transport = BERTH_TRANSPORT_TCP,
        .port = 8080,
        .ready_path = "/health",
    };
    return host->set_launch(job, &listening);
}

BAD_PLUGIN("no-scaffold", BERTH_ABI_MAJOR, good_validate, good_package, launch)
