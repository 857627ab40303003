/* Finding a function's files on disk. Nothing outside of the folders that are searched is accepted, whether
 * by an absolute path or by "..". A symbolic link may lead out of them only to where the file's owner allows
 * it. */
#ifndef CONFIG_FUNCTION_SOURCE_H
#define CONFIG_FUNCTION_SOURCE_H

#include "base/folder_list.h"
#include "config/reporter.h"

/* Where folders are looked for: in `<base>/functions` and, when `language` is not NULL, in
 * `<base>/<language>/functions`. Links may lead from there to `roots` and what is below. Borrows everything.
 */
struct function_place {
    const char *base, *language;
    const struct folder_list *roots;
    const char *instead; /* the option with which a function needs no folder; NULL: there is none */
    bool optional; /* that no folder is there is no mistake */
};

/* Looks for `folder`. Reports what is wrong at `at` and returns -1, or gives the absolute path, without
 * symbolic links: these are resolved once, here, and whoever opens the path must follow none
 * (fs_open_real_dir). The caller frees it. NULL: there is none, and need not be. */
int function_source_folder(const struct function_place *place, const char *folder, struct position at,
                           struct reporter *reporter, char **ret_path);

/* Checks that `file` is a plain file inside of `folder`, an absolute path that was found for `base`. */
int function_source_file(const char *base, const char *folder, const char *file, struct position at,
                         struct reporter *reporter);

#endif
