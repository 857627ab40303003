/* The working directory of a function. */
#ifndef RUNNER_WORK_H
#define RUNNER_WORK_H

/* Puts links to what is in the folder `code` into the folder `work`, beside what is there already, and makes
 * it the current directory of the process. Both are absolute. 0, or -1 with errno. */
int berth_work_enter(const char *code, const char *work);

#endif
