#include "base/child.h"

#include <signal.h>
#include <spawn.h>

int child_spawn(const struct child *child, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (unsigned i = 0; i < child->fd_count; i++)
        posix_spawn_file_actions_adddup2(&actions, child->fds[i], (int)i);
    posix_spawn_file_actions_addclosefrom_np(&actions, (int)child->fd_count);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int errnum = posix_spawnp(ret_pid, child->program, &actions, &attributes, (char *const *)child->arguments,
                              child->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return errnum;
}
