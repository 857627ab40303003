/*
 * The first process of every instance's container: `init [--environment FILE] STDOUT STDERR PROGRAM
 * [ARGUMENT...]` opens what its output goes to, starts the runner and stays its parent. The kernel makes this
 * process the parent of whatever is left behind in the container, so it reaps what ends; other signals it
 * hands on to the runner, with which it ends. What the container exits with then says how the runner ended:
 * see exit_status.h.
 *
 * The file has variables that the runner is to find in its environment, each as NAME=value and a NUL: those
 * that nobody who asks the engine about the container is to see.
 */
#include "fleet/engine/init/door.h"
#include "fleet/engine/init/exit_status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the kernel counts of the container, where the engine shows it: cgroup version 1, and 2. */
static const char *const memory_events[] = {
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/sys/fs/cgroup/memory.events",
};

/* Whether the kernel has killed a process of the container for its memory. */
static bool was_out_of_memory(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[64];
    bool found = false;
    while (file && !found && fgets(line, sizeof(line), file))
        found = strncmp(line, "oom_kill ", 9) == 0 && strtoul(line + 9, NULL, 10) > 0;
    if (file)
        fclose(file);
    return found;
}

static int exit_status(int status)
{
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (code != 128 + SIGKILL)
        return code;
    for (size_t i = 0; i < sizeof(memory_events) / sizeof(*memory_events); i++)
        if (was_out_of_memory(memory_events[i]))
            return INIT_OUT_OF_MEMORY;
    return INIT_RUNNER_KILLED;
}

/* Reaps all that have ended. True when the runner is one of them. */
static bool reap(pid_t runner, int *ret_status)
{
    bool has_ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != runner)
            continue;
        *ret_status = status;
        has_ended = true;
    }
    return has_ended;
}

/* In the runner's own process, so that nobody else here has them in memory. */
static int take_environment(const char *path)
{
    FILE *file = fopen(path, "re");
    char *entry = NULL;
    size_t size = 0;
    if (!file) {
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
        return -1;
    }
    while (getdelim(&entry, &size, '\0', file) > 0) {
        if (strchr(entry, '='))
            putenv(entry); /* which keeps it */
        entry = NULL;
    }
    fclose(file);
    return 0;
}

static int run(char **argv, const char *environment, const sigset_t *mask)
{
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (environment && take_environment(environment) < 0)
        return INIT_CANNOT_RUN;
    execvp(argv[0], argv);
    int errnum = errno;
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errnum));
    return errnum == ENOENT ? INIT_NOT_FOUND : INIT_CANNOT_RUN;
}

static int watch(pid_t runner, const sigset_t *signals)
{
    int status = 0;
    while (!reap(runner, &status)) {
        int number = sigwaitinfo(signals, NULL);
        if (number > 0 && number != SIGCHLD)
            kill(runner, number);
    }
    return exit_status(status);
}

static int redirect(int fd, const char *path)
{
    int opened = open(path, O_WRONLY | O_CLOEXEC);
    if (opened >= 0 && dup2(opened, fd) >= 0)
        return close(opened);
    fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
    return -1;
}

int main(int argc, char **argv)
{
    const char *environment = NULL;
    if (argc > 2 && strcmp(argv[1], "--environment") == 0) {
        environment = argv[2];
        argv += 2, argc -= 2;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: init [--environment FILE] STDOUT STDERR PROGRAM [ARGUMENT...]\n");
        return INIT_NOT_FOUND;
    }
    /* First of all: a signal that is not blocked is lost on the first process of a container. */
    sigset_t all, mask;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    if (redirect(STDOUT_FILENO, argv[1]) < 0 || redirect(STDERR_FILENO, argv[2]) < 0)
        return INIT_CANNOT_RUN;
    if (getenv(DOOR_VARIABLE) && door_give(argv[1]) < 0)
        return INIT_CANNOT_RUN;
    pid_t runner = fork();
    if (runner < 0) {
        fprintf(stderr, "cannot start the runner: %s\n", strerror(errno));
        return INIT_CANNOT_RUN;
    }
    return runner == 0 ? run(argv + 3, environment, &mask) : watch(runner, &all);
}
