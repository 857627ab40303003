/*
 * A child process that has nothing of this one but what it is given: a session of its own, no signal that is
 * blocked or ignored, and no other descriptors. Any thread.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <sys/types.h>

struct child {
    const char *program; /* a path, or a name that PATH leads to */
    const char *const *arguments; /* the program's own name first, ended by NULL */
    char *const *environment;
    const int *fds; /* they become 0, 1, ... in the child, and have themselves numbers of at least fd_count */
    unsigned fd_count;
    const char *folder; /* that it works in; NULL: the root */
};

/* Starts it. Whoever calls waits for its end, at which *ret_pidfd becomes readable, and closes that. Returns
 * 0, or the number of an error: then nothing runs. */
int child_spawn(const struct child *child, pid_t *ret_pid, int *ret_pidfd);

#endif
