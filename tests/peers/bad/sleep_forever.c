/* Never comes back. */
#include "bad.h"

#include <unistd.h>

static int validate(BAD_ARGUMENTS)
{
    (void)host, (void)job, (void)function, (void)err;
    while (pause() < 0)
        continue;
    return 0;
}

BAD_PLUGIN("sleep-forever", BERTH_ABI_MAJOR, validate, good_package, good_launch)
