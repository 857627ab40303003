/* In the place of fleet/engine/world.c, base/cgroup.c, base/machine_memory.c and a function of the C library:
 * what costs much of a run's time and changes nothing in it, or is of this machine and another one each time.
 */
#include "fleet/engine/world.h"

#include "base/alloc.h"
#include "base/cgroup.h"
#include "base/fs.h"
#include "base/machine_memory.h"

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

/* Of what is played nothing is used. */
int cgroup_usage_of_process(pid_t process, struct cgroup_usage *ret_usage)
{
    (void)process, (void)ret_usage;
    return -1;
}

uint64_t machine_memory(void)
{
    return UINT64_C(16) << 30;
}

uint64_t machine_memory_available(void)
{
    return UINT64_C(8) << 30;
}
