/* What the file system says of a file without anybody reading it. */
#ifndef BASE_FILE_FACTS_H
#define BASE_FILE_FACTS_H

#include "base/hash.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Adds kind, mode, owner, length, number and times. One of the times is when the kernel last saw the file
 * change, which no call sets. Of a folder length and times count only with `folder_times`: they also change
 * with what is not looked at in it. */
void file_facts_hash(struct hash *hash, const struct stat *status, bool folder_times);

#endif
