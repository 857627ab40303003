/* Which system calls a plugin's process may make: a seccomp filter, which needs no privilege. */
#ifndef PREPARE_JOB_SYSCALL_FILTER_H
#define PREPARE_JOB_SYSCALL_FILTER_H

#include <jansson.h>
#include <stdbool.h>

/* Refuses, with EPERM, what a plugin has no use for and could reach others with: sockets (so neither network
 * nor the Docker engine), tracing, namespaces and mounts, memory and queues that outlive processes, kernel
 * interfaces, and changes to a file's mode, owner, times, attributes and length. With `shares_pids`, where it
 * can name processes that are none of its own, also signals to them, and changes to how they are scheduled
 * and to their limits. Needs PR_SET_NO_NEW_PRIVS. True: it holds. */
bool syscall_filter_apply(json_t *lacks, bool shares_pids);

#endif
