/*
 * What a plugin's code can do to the machine: next to nothing. In the order in which it is put on:
 *
 * - process ids of its own, and a user namespace where that needs one: it sees, signals and outlives nobody;
 * - a view of the file systems in which nothing can be written;
 *   (without namespaces, rules and filter below have the same come of it;)
 * - of the files only those of the system, of the plugin's folder and of the function's folder (Landlock);
 * - limits on memory, processes, open files; nothing it writes on the disk, no core;
 * - when the daemon is root: a user id of this job alone, and no privilege but to read what only root may;
 * - system calls: no sockets, no tracing, nothing that outlives a process, no further namespaces.
 *
 * Each is done where the system allows it; what it refuses is put down in `lacks`, a text each.
 */
#ifndef PREPARE_JOB_CONFINE_H
#define PREPARE_JOB_CONFINE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct confinement {
    bool own_pids, own_users;
    int pids_errnum, mounts_errnum; /* why process ids and a view of its own could not be had, or 0 */
    const char *writable; /* a folder that the plugin may write to, or NULL */
    json_t *lacks; /* see lacks.h */
};

/* For the process that watches the plugin's: it dies with the daemon, is outlived by none of its children,
 * and those it forks from now on get the namespaces. */
void confine_children(struct confinement *confinement);

/* For the plugin's process, before its code is loaded. `readable` are `count` descriptors of what it may read
 * beside what is the system's; those that are -1 are left out. */
void confine_self(struct confinement *confinement, const int *readable, size_t count);

#endif
