/* In the place of fleet/engine/world.c, and of a function of the C library: what costs much of a run's time
 * and changes nothing in it. */
#include "fleet/engine/world.h"

#include "base/alloc.h"
#include "base/fs.h"

#include <malloc.h>

/* The files are for containers that are none. */
int world_make(const char *state_dir, char **ret_dir, struct error *err)
{
    *ret_dir = xasprintf("%s/world", state_dir);
    return fs_make_dirs(*ret_dir, 0755, err);
}

int malloc_trim(size_t pad)
{
    (void)pad;
    return 0;
}
