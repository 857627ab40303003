/* A filter of system calls for a plugin's process that shares its process ids with others of the same user.
 */
#ifndef PREPARE_JOB_PROCESS_FILTER_H
#define PREPARE_JOB_PROCESS_FILTER_H

/* Refuses, with EPERM, what acts on a process that is named by its id: signals, which a process may send to
 * itself only, who else is sent some when a descriptor is ready, scheduling, limits, pages. Needs
 * PR_SET_NO_NEW_PRIVS. -1 with errno: the kernel does not take it. */
int process_filter_apply(void);

#endif
