/* Processes of this host that are not the daemon's own. Any thread. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* When a process began, in the kernel's ticks since this boot: with its number that names it for good. 0:
 * there is none, or nobody can tell. */
uint64_t process_began(pid_t process);

#endif
