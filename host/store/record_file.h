/*
 * A file of records in which the newest take the place of the oldest: a ring of bytes of a fixed size, and an
 * index by which those with a key are found at once. It is mapped, so that a record is kept by writing it to
 * memory, and outlives the process however that ends. What a machine's crash or somebody else's hand has done
 * to it is recognised when it is opened: records that are not whole are left out.
 *
 * One thread at a time.
 */
#ifndef STORE_RECORD_FILE_H
#define STORE_RECORD_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FILE_MIN (64u << 10) /* the least size of a ring */
#define RECORD_KEY_MAX  255u

struct record_file;

/* Opens the file at `path`, or makes it, for about `ring_bytes` of records. One that is of another size, or
 * no such file, is replaced by an empty one, which the log says. All of its space is taken at once:
 * ERROR_NO_SPACE comes from here, not later. */
int record_file_open(const char *path, size_t ring_bytes, struct record_file **ret_file, struct error *err);

/* NULL is fine. */
void record_file_close(struct record_file *file);

/* Adds a record under a key of at most RECORD_KEY_MAX bytes, which other records may have too. False: it is
 * larger than a half of the ring, and left out. */
bool record_file_add(struct record_file *file, const char *key, const void *bytes, size_t size);

/* A record on a visit: its bytes are aligned as for a char, and there until the visit ends. Returns whether
 * to go on. */
typedef bool record_visit_fn(const void *bytes, size_t size, void *context);

/* Visits all, newest first. */
void record_file_visit(const struct record_file *file, record_visit_fn *visit, void *context);

/* Visits those with this key, newest first. */
void record_file_find(struct record_file *file, const char *key, record_visit_fn *visit, void *context);

/* The oldest one; NULL: there is none. Valid until the next is added. */
const void *record_file_oldest(const struct record_file *file, size_t *ret_size);

#endif
