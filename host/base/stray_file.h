/* Names of what editors and version control keep beside the files that somebody works on: none of it belongs
 * to what is made of a folder, however long it stays. */
#ifndef BASE_STRAY_FILE_H
#define BASE_STRAY_FILE_H

#include <stdbool.h>

/* `name` is the last component of a path. */
bool stray_file_name(const char *name);

#endif
