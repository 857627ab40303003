/* A small, strict reader of uncompressed POSIX tars (ustar with pax headers): what the host sends to a
 * prewarmed instance. Files, folders and links; anything else is refused, and so is every path or link that
 * would leave the folder. Nothing is ever written through a link. */
#ifndef RUNNER_TAR_H
#define RUNNER_TAR_H

#include <stddef.h>
#include <sys/types.h>

#define TAR_ENTRIES_MAX  65536
#define TAR_PAX_MAX      65536 /* bytes of one pax header */
#define TAR_PATH_MAX     4096
#define TAR_MESSAGE_SIZE 256

/* Like read(2): 0 at the end, -1 with errno. */
typedef ssize_t tar_read_fn(void *context, void *buffer, size_t size);

/* Unpacks up to the end mark into the folder open at `folder`. Files get mode 0755 or 0644 by their owner's
 * execute bit, and their modification time in whole seconds; folders 0755. An existing file is replaced. On
 * failure what was unpacked so far stays, and `message` says why, in one line. */
int berth_tar_unpack(tar_read_fn *read, void *context, int folder, char message[TAR_MESSAGE_SIZE]);

#endif
