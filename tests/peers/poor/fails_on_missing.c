/* Calls what is wrong with the user's files a failure of its own. */
#include "poor.h"

#include <unistd.h>

static int validate(POOR_ARGUMENTS)
{
    char path[4096];
    (void)host, (void)job;
    path_of(function, function->file ? function->file : "main.x", path);
    if (access(path, R_OK) == 0)
        return 0;
    snprintf(err->message, sizeof(err->message), "cannot read the file");
    return -1;
}

POOR_PLUGIN("fails-on-missing", validate, good_package, good_launch)
