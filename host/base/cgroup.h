/*
 * What the processes of a control group have used together, as the kernel counts it; of version 1 and 2,
 * whose files are those of Linux's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst. Any thread; some
 * files below /proc and /sys are read, which takes some ten microseconds.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

struct cgroup_usage {
    uint64_t cpu_ns; /* of all processors, since the group was made */
    uint64_t memory_bytes; /* now, without pages of files that nobody has used lately: the working set */
};

/* Of the groups that this process is in. -1: it has ended, or the kernel does not tell this process. */
int cgroup_usage_of_process(pid_t process, struct cgroup_usage *ret_usage);

/* The same from the text of /proc/PID/cgroup and the folder where groups are, /sys/fs/cgroup. */
int cgroup_usage_read(const char *groups, const char *folder, struct cgroup_usage *ret_usage);

#endif
