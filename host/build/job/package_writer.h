/*
 * Puts files into a directory that becomes a package, or a new function's folder: bounded in number and size,
 * strict about paths, every mode 0644 or 0755 and every time the same.
 */
#ifndef BUILD_JOB_PACKAGE_WRITER_H
#define BUILD_JOB_PACKAGE_WRITER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGE_BYTES_MAX (512ull << 20)
#define PACKAGE_FILES_MAX 100000
#define PACKAGE_PATH_MAX  1024
#define PACKAGE_MODE_FILE 0644
#define PACKAGE_MODE_EXEC 0755
#define PACKAGE_MODE_DIR  0755

struct package_writer;

/* Told of what was left out of a folder: a link that leads nowhere, a socket. `path` is absolute. */
typedef void package_skipped_fn(void *context, const char *path, const char *why);

/* Makes the directory `root`, which must not exist. */
int package_writer_create(const char *root, package_skipped_fn *skipped, void *context,
                          struct package_writer **ret_writer, struct error *err);
void package_writer_destroy(struct package_writer *writer);

/* True when `path` is relative, without empty components, "." and "..", and within PACKAGE_PATH_MAX. */
bool package_path_valid(const char *path);

/* Errors: "bad-path" (not valid), "exists" (there already), "package-too-large" (over a bound), or of files.
 */
int package_writer_add_file(struct package_writer *writer, const char *path, const void *bytes, size_t size,
                            bool executable, struct error *err);

/* Copies the folder `source` (absolute) below `path` ("" for the top), but for names that match one of the
 * fnmatch(3) patterns in `exclude` (ended by NULL, or NULL). A link to a file or folder within `source`
 * becomes a copy of it. Errors as above, "bad-source" (not an absolute path of a folder), and "bad-link" (a
 * link out of `source`, or in a circle) with the link's absolute path in *ret_culprit, which the caller
 * frees. */
int package_writer_add_folder(struct package_writer *writer, const char *path, const char *source,
                              const char *const *exclude, char **ret_culprit, struct error *err);

/* Sets the times of all folders. Nothing may be added afterwards. */
int package_writer_finish(struct package_writer *writer, struct error *err);

size_t package_writer_files(const struct package_writer *writer);

#endif
