/* Directory trees of plain files: their digest, their size, a copy. Any thread; they block for as long as
 * the tree takes to read. */
#ifndef PREPARE_STORE_TREE_H
#define PREPARE_STORE_TREE_H

#include "base/error.h"
#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* The modification time of everything in a package, 1980-01-01 00:00:00 UTC: only content counts. */
#define TREE_MTIME_S 315532800

enum tree_kind {
    TREE_FILE,
    TREE_LINK,
    TREE_SPECIAL, /* a socket, FIFO or device */
    TREE_FOLDER, /* before its content */
    TREE_FOLDER_END, /* after it */
};

/* One thing below the top of a walk. Borrowed for the length of the visit. */
struct tree_entry {
    enum tree_kind kind;
    const char *path; /* relative to the top */
    const char *name; /* its last component */
    int parent; /* descriptor of the folder it is in */
    const struct stat *status;
};

/* 0: go on. 1: for a folder, leave out its content and its end. -1, `err` filled: end the walk. */
typedef int tree_visit_fn(void *context, const struct tree_entry *entry, struct error *err);

/* Visits everything below the folder `top`, sorted by name in bytes within each folder, without following
 * links. Deeper than TREE_DEPTH_MAX folders is "too-deep", a path of TREE_PATH_MAX bytes or more "too-long".
 */
int tree_walk(const char *top, tree_visit_fn *visit, void *context, struct error *err);

#define TREE_DEPTH_MAX 64
#define TREE_PATH_MAX  2048

struct tree_size {
    uint64_t bytes; /* sum of the files' lengths */
    size_t files; /* files and links, without folders */
};

/* SHA-256 over the relative path, mode (0755 or 0644 by the owner's execute bit), kind and content of
 * everything below `path`, in the order of tree_walk. Links count by their text and are not followed.
 * `ret_size` may be NULL. Refused: anything but files, folders and links ("special-file"). */
int tree_digest(const char *path, char ret_hex[HASH_HEX_SIZE], struct tree_size *ret_size, struct error *err);

/* SHA-256 of what is in a file; a link is refused. */
int tree_file_digest(const char *path, char ret_hex[HASH_HEX_SIZE], struct error *err);

/* Adds up everything below `path`, special files left out. */
int tree_measure(const char *path, struct tree_size *ret_size, struct error *err);

/* Adds up what everything below `path` takes of its disk, at least a block for each, while it may be
 * changing: what goes away meanwhile is left out. */
int tree_usage(const char *path, uint64_t *ret_bytes, struct error *err);

/* SHA-256 over what the file system says of everything below `path`: its path, kind, mode, owner, length,
 * number and times. One of these is the time at which the kernel last saw it change, which no call sets: with
 * an equal stamp nothing was changed, and no content had to be read to know it. *ret_changed is the newest of
 * those times, 0 for an empty tree; it may be NULL. */
int tree_stamp(const char *path, char ret_hex[HASH_HEX_SIZE], struct timespec *ret_changed,
               struct error *err);

/* The same of what somebody works on: without what no package takes (stray_file.h), and without the times of
 * folders, which also change with that. */
int tree_source_stamp(const char *path, char ret_hex[HASH_HEX_SIZE], struct timespec *ret_changed,
                      struct error *err);

/* Copies everything below `path` into the folder `to`, which is there and empty, with its modes and times;
 * special files are left out. What was copied before a failure stays. */
int tree_copy(const char *path, const char *to, struct error *err);

#endif
