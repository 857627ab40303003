/*
 * A `.dockerignore`: which files of a folder are no part of a build context. A line is a path from the
 * folder's top; `*` and `?` stand for what is no slash, `[...]` for one of some characters, `**` for any
 * folders, and a backslash takes the meaning from what follows. It means what is below, too. `!` takes back
 * what lines before it say; the last line that means a file decides. Lines that begin with `#` say nothing.
 */
#ifndef PREPARE_JOB_IGNORE_RULES_H
#define PREPARE_JOB_IGNORE_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct ignore_rules;

/* Reads `size` bytes, which need not end with a NUL. -1: the line *ret_line is wrong as *ret_problem, a
 * static text, says. The caller owns *ret_rules. */
int ignore_rules_read(const char *text, size_t size, struct ignore_rules **ret_rules, unsigned *ret_line,
                      const char **ret_problem);
void ignore_rules_destroy(struct ignore_rules *rules);

/* Whether the file or folder at `path`, from the top, without a slash at either end, is left out. */
bool ignore_rules_match(const struct ignore_rules *rules, const char *path);

/* Whether something may be left in below a folder that is left out. */
bool ignore_rules_take_back(const struct ignore_rules *rules);

#endif
