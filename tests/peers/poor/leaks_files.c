/* Never closes what it has opened. */
#include "poor.h"

#include <fcntl.h>

static int package(POOR_ARGUMENTS)
{
    char path[4096];
    path_of(function, "main.x", path);
    if (open(path, O_RDONLY | O_CLOEXEC) < 0)
        return 0;
    return good_package(host, job, function, err);
}

POOR_PLUGIN("leaks-files", good_validate, package, good_launch)
