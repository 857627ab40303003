/*
 * A folder, or one file, as a tar stream, made piece by piece while it is read: at most one file and one
 * folder per level are open, and a few kilobytes are held. Every entry belongs to root; links stay links;
 * sockets, pipes and devices are refused.
 */
#ifndef DOCKER_CONTEXT_TAR_H
#define DOCKER_CONTEXT_TAR_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CONTEXT_TAR_DEPTH    64 /* levels of folders */
#define CONTEXT_TAR_FILE_MAX (256u << 10)

struct context_tar;

/* Opens `folder`; the files in it may come to at most `max` bytes. "build-context" when it cannot be opened.
 */
int context_tar_create(const char *folder, uint64_t max, struct context_tar **ret_tar, struct error *err);

/* One of nothing but a file with this text, which is copied; at most CONTEXT_TAR_FILE_MAX bytes. */
int context_tar_create_file(const char *name, const char *text, struct context_tar **ret_tar,
                            struct error *err);

/* The folder is one that others work in: what is no file, folder or link is left out, and so is what goes
 * away before its turn; a file that becomes shorter under way is filled up with zeros. */
void context_tar_set_living(struct context_tar *tar);

void context_tar_destroy(struct context_tar *tar);

/* Gives the next 1 to `size` bytes of the tar; *ret_length 0 is its end. "build-context" when a file cannot
 * be read, is of a sort that is refused, changes meanwhile, or the whole is too big or too deep. */
int context_tar_read(struct context_tar *tar, char *buffer, size_t size, size_t *ret_length,
                     struct error *err);

#endif
