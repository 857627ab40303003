/*
 * Bytes of a body as they come: in memory while they are few, else in a file, so that no body costs memory.
 */
#ifndef CALLS_SPOOL_H
#define CALLS_SPOOL_H

#include "base/error.h"
#include "store/call_store.h"

#include <stdint.h>

/* What spools have in files that the store does not know of yet. */
struct spool_room {
    const char *dir; /* where the files are made: call_store_body_dir() */
    uint64_t bytes; /* in all of them */
    uint64_t made; /* so many were made, for their names */
};

struct spool {
    struct spool_room *room;
    char *bytes; /* NULL: none yet, or they are in the file */
    char *path; /* NULL: no file */
    int fd;
    uint64_t size, capacity;
    uint64_t filed; /* bytes of the room that it takes */
};

/* An empty one. */
void spool_init(struct spool *spool, struct spool_room *room);

/* -1, `err` filled: the file cannot be written ("calls-disk-full", "calls-store"); what was there before is
 * as it was. */
int spool_add(struct spool *spool, const void *bytes, size_t size, struct error *err);

/* The bytes, borrowed, or the file, to be taken over by whoever renames it. */
struct call_body spool_body(const struct spool *spool);

/* Frees all of it, and removes the file if it is still there under its name. */
void spool_clear(struct spool *spool);

#endif
