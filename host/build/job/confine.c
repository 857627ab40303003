#include "build/job/confine.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define NICENESS       5
#define MEMORY_MAX     (4ull << 30)
#define FILE_BYTES_MAX (1ull << 30)

/* Sanitizers map terabytes of shadow memory, which counts as data. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY false
#else
#define LIMIT_MEMORY true
#endif

static void limit(__rlimit_resource_t resource, uint64_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
        most = now.rlim_max;
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    setrlimit(resource, &limit);
}

void confine(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
    if (LIMIT_MEMORY)
        limit(RLIMIT_DATA, MEMORY_MAX);
    setpriority(PRIO_PROCESS, 0, NICENESS);
}
