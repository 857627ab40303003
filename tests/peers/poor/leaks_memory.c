/* Never frees what it has read. */
#include "poor.h"

#include <stdlib.h>
#include <string.h>

static int validate(POOR_ARGUMENTS)
{
    static char *volatile text;
    (void)host, (void)job, (void)function, (void)err;
    text = malloc(65536);
    if (text)
        memset(text, 'x', 65536);
    return 0;
}

POOR_PLUGIN("leaks-memory", validate, good_package, good_launch)
