/* The daemon's own program, which stands beside this one: what needs no daemon that runs is its to do. */
#ifndef CLI_BERTHD_H
#define CLI_BERTHD_H

#include <stddef.h>
#include <sys/types.h>

/* Becomes berthd with these arguments, ended by NULL (its name is put in front). Returns only when that
 * fails, which has been said: STATUS_FAILED. */
int berthd_become(const char *const *arguments);

/* Starts it with its log, standard error, into a pipe, whose reading end the caller closes, and waits for
 * the process. It is in a process group of its own, and is sent SIGTERM when this process ends. -1, said,
 * when it cannot be started. */
pid_t berthd_start(const char *const *arguments, int *ret_log);

/* Runs it, and takes its standard output: -1, said, when it cannot be started. Else its exit status, and the
 * caller frees *ret_output. */
int berthd_ask(const char *const *arguments, char **ret_output);

#endif
