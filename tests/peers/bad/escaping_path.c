/* Writes outside the package. */
#include "bad.h"

static int package(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    host->add_file(job, "../x", "x", 1, 0);
    return 0;
}

BAD_PLUGIN("escaping-path", BERTH_ABI_MAJOR, good_validate, package, good_launch)
