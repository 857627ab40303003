#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define FLAGS (POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)

static int set_files(const struct child *child, posix_spawn_file_actions_t *actions)
{
    int errnum = 0;
    for (unsigned i = 0; i < child->fd_count && errnum == 0; i++)
        errnum = posix_spawn_file_actions_adddup2(actions, child->fds[i], (int)i);
    if (errnum == 0)
        errnum = posix_spawn_file_actions_addclosefrom_np(actions, (int)child->fd_count);
    return errnum ? errnum
                  : posix_spawn_file_actions_addchdir_np(actions, child->folder ? child->folder : "/");
}

static int spawn(const struct child *child, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, FLAGS);
    int errnum = set_files(child, &actions);
    if (errnum == 0)
        errnum = posix_spawnp(ret_pid, child->program, &actions, &attributes, (char *const *)child->arguments,
                              child->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return errnum;
}

/* With all of its session that is still in its process group. */
static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int child_spawn(const struct child *child, pid_t *ret_pid, int *ret_pidfd)
{
    pid_t pid;
    int errnum = spawn(child, &pid);
    if (errnum != 0)
        return errnum;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        errnum = errno;
        end(pid);
        return errnum;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
