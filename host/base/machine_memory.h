/* The memory of this machine, in bytes. Any thread. */
#ifndef BASE_MACHINE_MEMORY_H
#define BASE_MACHINE_MEMORY_H

#include <stdint.h>

uint64_t machine_memory(void);

/* How much of it processes could still have without anything being swapped out, as the kernel reckons;
 * UINT64_MAX: nobody can tell. */
uint64_t machine_memory_available(void);

#endif
