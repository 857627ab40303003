/* Finding a function's files on disk. Nothing outside of the folders that are searched is ever accepted,
 * whether by an absolute path, by ".." or through a symbolic link. */
#ifndef CONFIG_FUNCTION_SOURCE_H
#define CONFIG_FUNCTION_SOURCE_H

#include "config/reporter.h"

/* Looks for `folder` in `<base>/functions` and, when `language` is not NULL, in
 * `<base>/<language>/functions`. Reports what is wrong at `at` and returns -1, or gives the absolute path;
 * the caller frees it. */
int function_source_folder(const char *base, const char *language, const char *folder, struct position at,
                           struct reporter *reporter, char **ret_path);

/* Checks that `file` is a plain file inside of `folder`, an absolute path that was found for `base`. */
int function_source_file(const char *base, const char *folder, const char *file, struct position at,
                         struct reporter *reporter);

#endif
