#include "children.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* `mutex` guards the list and the fields of its members. It is held while a script is started, so that the
 * reaper knows every child that it finds. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct child *children;

static struct child *find_child(pid_t pid)
{
    struct child *child = children;
    while (child && child->pid != pid)
        child = child->next;
    return child;
}

/* The group is killed before its leader is reaped: until then nothing else can have its number. */
static void reap(pid_t pid)
{
    pthread_mutex_lock(&mutex);
    struct child *child = find_child(pid);
    int status = 0;
    if (child)
        kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (child) {
        child->status = status;
        child->has_ended = true;
        (void)!write(child->exit_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&mutex);
}

static void *run_reaper(void *argument)
{
    sigset_t signals;
    int number;
    (void)argument;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0)
            reap(info.si_pid);
        else
            sigwait(&signals, &number);
    }
    return NULL;
}

int children_start_reaper(void)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, run_reaper, NULL);
    if (rc != 0) {
        errno = rc;
        return -1;
    }
    return pthread_detach(thread);
}

static int spawn(pid_t *ret_pid, const struct child_start *start)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, start->folder);
    posix_spawn_file_actions_adddup2(&actions, start->input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, start->output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int rc = posix_spawn(ret_pid, start->path, &actions, &attributes, start->argv, start->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int child_start(struct child *child, const struct child_start *start)
{
    *child = (struct child){.exit_fd = eventfd(0, EFD_CLOEXEC)};
    if (child->exit_fd < 0)
        return errno;
    pthread_mutex_lock(&mutex);
    int rc = spawn(&child->pid, start);
    if (rc == 0) {
        child->next = children;
        children = child;
    }
    pthread_mutex_unlock(&mutex);
    if (rc != 0)
        close(child->exit_fd);
    return rc;
}

void child_signal(struct child *child, int number)
{
    pthread_mutex_lock(&mutex);
    if (!child->has_ended)
        kill(-child->pid, number);
    pthread_mutex_unlock(&mutex);
}

int child_finish(struct child *child)
{
    pthread_mutex_lock(&mutex);
    struct child **link = &children;
    while (*link != child)
        link = &(*link)->next;
    *link = child->next;
    pthread_mutex_unlock(&mutex);
    close(child->exit_fd);
    return child->status;
}
