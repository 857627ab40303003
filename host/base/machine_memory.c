#include "base/machine_memory.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "MemAvailable:"

uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t machine_memory_available(void)
{
    cleanup_file FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, NAME, strlen(NAME)) == 0)
            return (uint64_t)strtoull(line + strlen(NAME), NULL, 10) << 10; /* it is in KiB */
    }
    return UINT64_MAX;
}
