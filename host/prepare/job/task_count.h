/* How many tasks, which are threads, a user has: what RLIMIT_NPROC is compared with. */
#ifndef PREPARE_JOB_TASK_COUNT_H
#define PREPARE_JOB_TASK_COUNT_H

#include <stddef.h>
#include <sys/types.h>

/* Those that /proc shows; 0: it shows none. */
size_t tasks_of_user(uid_t user);

#endif
