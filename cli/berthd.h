/* The daemon's own program, which stands beside this one: what needs no daemon that runs is its to do. */
#ifndef CLI_BERTHD_H
#define CLI_BERTHD_H

#include <stddef.h>

/* Becomes berthd with these arguments, ended by NULL (its name is put in front). Returns only when that
 * fails, which has been said: STATUS_FAILED. */
int berthd_become(const char *const *arguments);

/* Runs it, and takes its standard output: -1, said, when it cannot be started. Else its exit status, and the
 * caller frees *ret_output. */
int berthd_ask(const char *const *arguments, char **ret_output);

#endif
