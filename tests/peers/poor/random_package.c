/* Says in each package when it was made. */
#include "poor.h"

#include <time.h>

static int package(POOR_ARGUMENTS)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (host->add_file(job, "made-at", &now, sizeof(now), 0) < 0)
        return -1;
    return good_package(host, job, function, err);
}

POOR_PLUGIN("random-package", good_validate, package, good_launch)
