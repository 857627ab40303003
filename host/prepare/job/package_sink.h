/* The plugin's end of the pipe to who writes its files: see package_pipe.h. One per process. */
#ifndef PREPARE_JOB_PACKAGE_SINK_H
#define PREPARE_JOB_PACKAGE_SINK_H

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct package_sink {
    int socket;
    size_t files; /* added so far */
};

/* Begins the output, without what was added before. Errors of all calls: those of package_writer.h, and "io".
 */
int package_sink_begin(struct package_sink *sink, struct error *err);

/* Adds a folder; one that is there is fine. */
int package_sink_add_folder(struct package_sink *sink, const char *path, struct error *err);

/* Adds a file with these bytes, and the folders it is in. */
int package_sink_add_file(struct package_sink *sink, const char *path, const void *bytes, size_t size,
                          bool executable, struct error *err);

/* The same with what `from` has to read: `size` bytes, or the error is "changed". */
int package_sink_copy_file(struct package_sink *sink, const char *path, int from, uint64_t size,
                           bool executable, struct error *err);

/* The digest of what is in a file or folder that was added; "" when there is none of that path. "." is all
 * that was added. */
int package_sink_digest(struct package_sink *sink, const char *path, char ret_digest[HASH_HEX_SIZE],
                        struct error *err);

#endif
