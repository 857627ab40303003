/* Processes of this host that are not the daemon's own. Any thread. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When a process began, in the kernel's ticks since this boot: with its number that names it for good. 0:
 * there is none, or nobody can tell. */
uint64_t process_began(pid_t process);

/* Whether a process is at its end: it runs no more, and the kernel gives back what it had, which may take a
 * while, or has yet to tell its parent. False where nobody can tell, and of one that is gone. */
bool process_is_ending(pid_t process);

#endif
