/* Which files a plugin's process may open: Landlock, which needs no privilege. */
#ifndef PREPARE_JOB_FILE_RULES_H
#define PREPARE_JOB_FILE_RULES_H

#include <jansson.h>
#include <stdbool.h>

/* Reading is allowed for the system's programs and libraries and for `readable`, descriptors of files and of
 * folders with everything below, whatever their paths lead to later; those that are -1 are left out. Writing
 * is allowed for /dev/null and its like, and below the folder `writable` (-1: there is none). Of /proc, with
 * `shares_pids`, which shows everybody's processes, only what is about this one and about the machine. From
 * Linux 6.12 on signals to processes outside are refused, too. Needs PR_SET_NO_NEW_PRIVS. True: the rules
 * hold. */
bool file_rules_apply(json_t *lacks, const int *readable, size_t count, int writable, bool shares_pids);

#endif
