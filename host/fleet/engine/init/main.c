/*
 * The first process of every instance's container: `init [--environment FILE] STDOUT STDERR PROGRAM
 * [ARGUMENT...]` opens what its output goes to, starts the runner and stays its parent. The kernel makes this
 * process the parent of whatever is left behind in the container, so it reaps what ends; other signals it
 * hands on to the runner, with which it ends. What the container exits with then says how the runner ended:
 * see exit_status.h.
 *
 * `init --wait` only waits, until it is killed: what a container is for is then its network.
 *
 * It keeps a reader of each pipe, so that nobody who writes is ended while there is no host to read (what is
 * written waits), and gives the next host a door of its own (door.h). Nobody else in the container may look
 * into it, although all are the same user: what it has open is not the function's.
 *
 * The file has variables that the runner is to find in its environment, each as NAME=value and a NUL: those
 * that nobody who asks the engine about the container is to see.
 */
#include "fleet/engine/init/door.h"
#include "fleet/engine/init/exit_status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
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

/* The host as it is now, or the next, if the container has a door. */
struct host {
    const char *neighbour; /* door_give() */
    int line; /* -1: it has gone */
    int watch; /* then: door_watch() */
    bool has_door;
};

static void close_it(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void look_after_door(struct host *host, short found)
{
    if (host->line >= 0 && found) {
        close_it(&host->line);
        host->watch = door_watch(host->neighbour);
    }
    if (host->line < 0)
        host->line = door_give_again(host->neighbour);
    if (host->line >= 0)
        close_it(&host->watch);
}

/* Waits for a signal, or for the host to go or to come. */
static void await(int signals, struct host *host)
{
    char news[sizeof(struct inotify_event) + NAME_MAX + 1];
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                           {.fd = host->line, .events = POLLIN},
                           {.fd = host->watch, .events = POLLIN}};
    bool seeks = host->has_door && host->line < 0;
    if (poll(fds, 3, seeks ? DOOR_RETRY_MS : -1) < 0 || !host->has_door)
        return;
    while (host->watch >= 0 && read(host->watch, news, sizeof(news)) > 0)
        continue; /* whatever they say it is looked */
    look_after_door(host, fds[1].revents);
}

static void hand_on(int signals, pid_t runner)
{
    struct signalfd_siginfo signal;
    while (read(signals, &signal, sizeof(signal)) == sizeof(signal)) {
        if (signal.ssi_signo != SIGCHLD)
            kill(runner, (int)signal.ssi_signo);
    }
}

static int watch(pid_t runner, int signals, struct host *host)
{
    int status = 0;
    while (!reap(runner, &status)) {
        await(signals, host);
        hand_on(signals, runner);
    }
    return exit_status(status);
}

static int open_or_tell(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
    return fd;
}

/* The reader stays open, in this process alone. */
static int redirect(int fd, const char *path)
{
    if (open_or_tell(path, O_RDONLY | O_NONBLOCK) < 0)
        return -1;
    int opened = open_or_tell(path, O_WRONLY);
    return opened >= 0 && dup2(opened, fd) >= 0 ? close(opened) : -1;
}

/* Standard output and standard error, and the door. */
static int connect_to_host(char **pipes, struct host *ret_host)
{
    *ret_host =
        (struct host){.neighbour = pipes[0], .line = -1, .watch = -1, .has_door = getenv(DOOR_VARIABLE)};
    if (redirect(STDOUT_FILENO, pipes[0]) < 0 || redirect(STDERR_FILENO, pipes[1]) < 0)
        return -1;
    if (ret_host->has_door)
        ret_host->line = door_give(ret_host->neighbour);
    return ret_host->has_door && ret_host->line < 0 ? -1 : 0;
}

static int start(char **argv, const char *environment, const sigset_t *mask, int signals, struct host *host)
{
    pid_t runner = fork();
    if (runner < 0) {
        fprintf(stderr, "cannot start the runner: %s\n", strerror(errno));
        return INIT_CANNOT_RUN;
    }
    return runner == 0 ? run(argv, environment, mask) : watch(runner, signals, host);
}

_Noreturn static void wait_for_the_end(void)
{
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--wait") == 0)
        wait_for_the_end();
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
    prctl(PR_SET_DUMPABLE, 0);
    int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    struct host host;
    if (signals < 0 || connect_to_host(argv + 1, &host) < 0)
        return INIT_CANNOT_RUN;
    return start(argv + 3, environment, &mask, signals, &host);
}
