/* The runner of shell functions. */
#include "children.h"
#include "function.h"
#include "relay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static const struct berth_runner runner = {
        .struct_size = sizeof(runner),
        .load = function_load,
        .handle = relay_handle,
        .unload = function_unload,
    };
    sigset_t signals; /* blocked before there is a second thread, so in all of them */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (children_start_reaper() < 0) {
        fprintf(stderr, "shell-runner: cannot start a thread: %s\n", strerror(errno));
        return 1;
    }
    return berth_runner_run(&runner);
}
