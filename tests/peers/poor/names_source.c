/* Has the package refer to files that stay behind. */
#include "poor.h"

#include <string.h>

static int package(POOR_ARGUMENTS)
{
    (void)err;
    return host->add_file(job, "where", function->folder, strlen(function->folder), 0);
}

POOR_PLUGIN("names-source", good_validate, package, good_launch)
