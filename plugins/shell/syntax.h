/* Reading a script without running it. */
#ifndef SHELL_SYNTAX_H
#define SHELL_SYNTAX_H

#include "entry.h"

/* Reports line ends of another system, and what `sh -n` or `bash -n` finds. 0 whatever was found; -1 with
 * `err` when the check itself could not be made. */
int syntax_check(const struct berth_function *function, const struct entry *entry, struct findings *findings,
                 struct berth_error *err);

/* One line that a shell wrote about `file`: "file: line 3: message" or "file: 3: message". 0 with the number
 * and where the message begins, or -1. */
int syntax_parse_line(const char *text, const char *file, unsigned *ret_line, const char **ret_message);

#endif
