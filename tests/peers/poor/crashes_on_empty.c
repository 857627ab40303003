/* Takes for granted that a file has a first line. */
#include "poor.h"

#include <stdlib.h>

static int validate(POOR_ARGUMENTS)
{
    char path[4096], line[256];
    (void)host, (void)job, (void)err;
    path_of(function, "main.x", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (!fgets(line, sizeof(line), file))
        abort();
    fclose(file);
    return 0;
}

POOR_PLUGIN("crashes-on-empty", validate, good_package, good_launch)
