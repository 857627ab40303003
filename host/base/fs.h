/* Files and directories: the few whole operations the daemon needs. Every descriptor is close-on-exec. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Creates `path` and its missing parents with `mode`. An existing directory is fine. */
int fs_make_dirs(const char *path, mode_t mode, struct error *err);

/* Removes `path` with everything below it, without following links or crossing into another file system. A
 * missing path is fine. */
int fs_remove_tree(const char *path, struct error *err);

/* Opens a plain file to read and never waits: what is something else (a pipe nobody writes to, a device, a
 * folder) is an error that says so. `name` is looked up in `folder`, or is a path with AT_FDCWD; `flags` are
 * added to those of open(2), such as O_NOFOLLOW. The caller closes *ret_fd. ret_status may be NULL. */
int fs_open_plain(int folder, const char *name, int flags, int *ret_fd, struct stat *ret_status,
                  struct error *err);

/* Reads a whole plain file of at most `max` bytes. The caller frees *ret_data, which ends with a NUL that
 * *ret_size does not count. ret_size may be NULL. */
int fs_read_file(const char *path, size_t max, char **ret_data, size_t *ret_size, struct error *err);

/* Writes all of it to a descriptor that blocks, however many calls that takes. 0, or -1 with errno. */
int fs_write_all(int fd, const void *bytes, size_t size);

/* Writes a file so that readers see the old content or the whole new content: a temporary name, fsync,
 * rename. */
int fs_write_file(const char *path, const void *bytes, size_t size, mode_t mode, struct error *err);

/* Has the disk know which names there are in a folder: a file that was made or renamed there is found after a
 * loss of power. */
int fs_sync_folder(const char *path, struct error *err);

bool fs_exists(const char *path);
bool fs_is_dir(const char *path);

/* Opens the folder at the absolute `path`, only to be referred to (O_PATH). No symbolic link is followed
 * anywhere on the way, so whoever may change one of the folders above cannot lead it elsewhere: "is-link".
 * The caller closes *ret_fd. */
int fs_open_real_dir(const char *path, int *ret_fd, struct error *err);

/* True when `path` is `folder` or below it, by their spelling: both absolute, without symbolic links. */
bool fs_is_within(const char *path, const char *folder);

#endif
