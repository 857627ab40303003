/*
 * Scope cleanup for locals: `cleanup_free char *text = ...;` frees on every way out of the scope. `steal()`
 * hands the value over to a new owner instead.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_run(void *slot)
{
    free(*(void **)slot);
}

static inline void cleanup_close_run(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_file_run(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline void cleanup_dir_run(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

#define cleanup_free  __attribute__((cleanup(cleanup_free_run)))
#define cleanup_close __attribute__((cleanup(cleanup_close_run)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_run)))
#define cleanup_dir   __attribute__((cleanup(cleanup_dir_run)))

/* Takes the pointer out of the variable that `slot` points to, so that its cleanup does nothing. */
#define steal(slot)                                                                                          \
    ({                                                                                                       \
        __typeof__(*(slot)) stolen_ = *(slot);                                                               \
        *(slot) = NULL;                                                                                      \
        stolen_;                                                                                             \
    })

/* The same for a file descriptor; the variable becomes -1. */
static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

#endif
