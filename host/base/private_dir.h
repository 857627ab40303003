/*
 * A directory that this user has for himself. What lies below it may be open to everybody, as it has to be
 * when containers mount it: nobody else gets there, because nobody else gets past the directory.
 */
#ifndef BASE_PRIVATE_DIR_H
#define BASE_PRIVATE_DIR_H

#include "base/error.h"

#include <sys/types.h>

/* Makes `path`, with what is missing of the way, or takes the directory that is there: closed to everybody
 * else (0700) afterwards, whatever the umask. One that others may look into is closed when it is empty or has
 * a file `mark`, which says that it has been ours before; anything else may be somebody's, or the system's,
 * and is left as it is. *ret_path, which the caller frees, is its place without symbolic links.
 *
 * Errors of component "files" beside those of the calls: "not-own", it or a folder above it belongs to
 * neither this user nor root; "not-safe", others may write there, and so put something else in its place;
 * "not-private", others may look into it, and it is not known to be ours; "not-a-directory". */
int private_dir_open(const char *path, const char *mark, char **ret_path, struct error *err);

/* Whether nobody but this user, root and the user `also` can change the file or folder at `path`, which is
 * without symbolic links, or put another one in its place. Errors as above: "not-own", "not-safe". */
int private_dir_check_trust(const char *path, uid_t also, struct error *err);

#endif
