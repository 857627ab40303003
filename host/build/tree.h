/* Directory trees of plain files: their digest, their size, as a tar. Any thread; they block for as long as
 * the tree takes to read. */
#ifndef BUILD_TREE_H
#define BUILD_TREE_H

#include "base/error.h"
#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>

/* The modification time of everything in a package, 1980-01-01 00:00:00 UTC: only content counts. */
#define TREE_MTIME_S 315532800

struct tree_size {
    uint64_t bytes; /* sum of the files' lengths */
    size_t files;   /* files and links, without folders */
};

/* SHA-256 over the relative path, mode (0755 or 0644 by the owner's execute bit), kind and content of
 * everything below `path`, in byte order of the paths. Links count by their text and are not followed.
 * `ret_size` may be NULL. Refused: anything but files, folders and links ("special-file"). */
int tree_digest(const char *path, char ret_hex[HASH_HEX_SIZE], struct tree_size *ret_size, struct error *err);

/* Adds up everything below `path`, special files left out. */
int tree_measure(const char *path, struct tree_size *ret_size, struct error *err);

/* The tree below `path` as an uncompressed POSIX tar of at most `max` bytes, entries in byte order of their
 * paths, owner 0, time TREE_MTIME_S. The caller frees *ret_data. Larger: "too-large". */
int tree_tar(const char *path, size_t max, void **ret_data, size_t *ret_size, struct error *err);

#endif
