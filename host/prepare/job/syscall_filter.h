/* Which system calls a plugin's process may make: a seccomp filter, which needs no privilege. */
#ifndef PREPARE_JOB_SYSCALL_FILTER_H
#define PREPARE_JOB_SYSCALL_FILTER_H

#include <jansson.h>

/* Refuses, with EPERM, what a plugin has no use for and could reach others with: sockets (so neither network
 * nor the Docker engine), tracing, namespaces and mounts, memory and queues that outlive processes, kernel
 * interfaces, and changes to a file's mode, owner, times, attributes and length. Needs PR_SET_NO_NEW_PRIVS.
 */
void syscall_filter_apply(json_t *lacks);

#endif
