/* A folder of this machine as a volume of a function. */
#ifndef CONFIG_VOLUME_FOLDER_H
#define CONFIG_VOLUME_FOLDER_H

#include "base/folder_list.h"
#include "config/reporter.h"

/* Where the folder at `path`, as it stands in the registry, really is: without symbolic links, in one of
 * `roots`, and so that nobody whom the file does not trust can put another one in its place. The caller frees
 * it; NULL: it cannot be used, which is reported at `at`. */
char *volume_folder_find(const char *path, const struct folder_list *roots, struct position at,
                         struct reporter *reporter);

#endif
