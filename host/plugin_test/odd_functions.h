/* What users' folders look like on a bad day. Each changes a copy of a good function in `folder`; `*file` is
 * the file that the user names, relative to the folder, or NULL. */
#ifndef PLUGIN_TEST_ODD_FUNCTIONS_H
#define PLUGIN_TEST_ODD_FUNCTIONS_H

#include "base/error.h"

typedef int odd_function_fn(const char *folder, char **file, struct error *err);

/* Of files that are not as they should be. */
odd_function_fn odd_no_files, odd_missing, odd_empty, odd_broken, odd_binary, odd_not_utf8, odd_huge,
    odd_long_line, odd_nested;

/* Of folders with more in them than the function. */
odd_function_fn odd_many_files, odd_deep, odd_special_files, odd_pipe, odd_folder;

#endif
