/* The processes of scripts. One thread reaps every child of this process. What scripts leave behind becomes
 * the child of the container's first process, which reaps it. */
#ifndef SHELL_CHILDREN_H
#define SHELL_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* One script, the leader of a process group of its own. */
struct child {
    pid_t pid;
    int exit_fd; /* becomes readable when the script has ended */
    int status; /* of waitpid(2), once it has */
    bool has_ended;
    struct child *next;
};

struct child_start {
    const char *path;
    char *const *argv;
    char *const *environment;
    const char *folder; /* working directory */
    int input; /* descriptors that become its standard input and output */
    int output;
};

/* Starts the reaping thread. SIGCHLD must be blocked in all threads. */
int children_start_reaper(void);

/* Starts a script with no signal blocked or ignored. 0, or an errno number. */
int child_start(struct child *child, const struct child_start *start);

/* Sends a signal to the group of the script, unless the script has ended: then its group has been killed. */
void child_signal(struct child *child, int number);

/* After exit_fd has become readable: the status. Frees what child_start() took. */
int child_finish(struct child *child);

#endif
