/* Aborts while it looks at the files. */
#include "bad.h"

#include <stdlib.h>

static int validate(BAD_ARGUMENTS)
{
    (void)host, (void)job, (void)function, (void)err;
    abort();
}

BAD_PLUGIN("abort", BERTH_ABI_MAJOR, validate, good_package, good_launch)
