/* Names no image, and has no image folder. */
#include "bad.h"

static int launch(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_launch imageless = {
        .struct_size = sizeof(imageless),
        .concurrency = 16,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    return host->set_launch(job, &imageless);
}

BAD_PLUGIN("no-image", BERTH_ABI_MAJOR, good_validate, good_package, launch)
