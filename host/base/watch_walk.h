/*
 * One look at a place that file_watch.h watches: what the file system says of it, as a stamp, and on the way
 * an inotify watch for each folder that it consists of, set before the folder is read, so that what changes
 * after the look is told by an event. Any thread; it takes as long as the place has files.
 */
#ifndef BASE_WATCH_WALK_H
#define BASE_WATCH_WALK_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>

enum watch_kind {
    WATCH_FILE, /* one file, or a symbolic link and what it leads to */
    WATCH_FILES, /* the files in a folder, not those below */
    WATCH_FOLDERS, /* which folders and links there are in a folder; not what is in them */
    WATCH_TREE, /* everything below a folder */
};

/* What stray_file.h names is no part of any place. It need not be there. */
struct watch_place {
    enum watch_kind kind;
    const char *path; /* absolute, or relative to the working directory */
};

struct watch_walk {
    struct watch_place place;
    int inotify; /* -1: no watches */
    size_t room; /* for so many watches */

    /* What it has found. */
    char stamp[HASH_HEX_SIZE]; /* that of a place that is not there is one, too */
    int *watches; /* the caller frees the array */
    size_t watch_count;
    bool missing; /* the watch is on the nearest folder above that is there */
    int blind; /* errno: some changes will raise no event; 0: all will */
};

void watch_walk(struct watch_walk *walk);

#endif
