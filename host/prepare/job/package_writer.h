/*
 * Puts files into a directory that becomes a package, or a new function's folder: bounded in number and size,
 * strict about paths, every mode 0644 or 0755 and every time the same.
 */
#ifndef PREPARE_JOB_PACKAGE_WRITER_H
#define PREPARE_JOB_PACKAGE_WRITER_H

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

/* Makes the directory `root`, which must not exist. */
int package_writer_create(const char *root, struct package_writer **ret_writer, struct error *err);

/* NULL is fine. */
void package_writer_destroy(struct package_writer *writer);

/* True when `path` is relative, without empty components, "." and "..", and within PACKAGE_PATH_MAX. */
bool package_path_valid(const char *path);

/* The same as an error, "bad-path". NULL is none. */
int package_path_check(const char *path, struct error *err);

/* Errors of the following: "bad-path" (not valid), "exists" (there already), "package-too-large" (over a
 * bound), or of files. */

/* Makes a folder and those it is in; what is there is fine. */
int package_writer_add_folder(struct package_writer *writer, const char *path, struct error *err);

/* Makes an empty file that the caller fills with `size` bytes and closes. */
int package_writer_open_file(struct package_writer *writer, const char *path, uint64_t size, bool executable,
                             int *ret_fd, struct error *err);
int package_writer_write(int fd, const char *path, const void *bytes, size_t size, struct error *err);
int package_writer_close_file(int fd, const char *path, struct error *err);

/* Sets the times of all folders. Nothing may be added afterwards. */
int package_writer_finish(struct package_writer *writer, struct error *err);

#endif
