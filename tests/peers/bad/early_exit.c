/* Ends the whole process, as if all were well. */
#include "bad.h"

#include <unistd.h>

static int package(BAD_ARGUMENTS)
{
    (void)host, (void)job, (void)function, (void)err;
    _exit(0);
}

BAD_PLUGIN("early-exit", BERTH_ABI_MAJOR, good_validate, package, good_launch)
