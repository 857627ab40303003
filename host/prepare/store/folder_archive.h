/* A folder that comes as a tar archive from somebody who may make mistakes, or worse. */
#ifndef PREPARE_STORE_FOLDER_ARCHIVE_H
#define PREPARE_STORE_FOLDER_ARCHIVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct folder_archive_limits {
    uint64_t bytes; /* of all files together */
    size_t entries; /* files, folders and links */
    bool keeps_modes; /* but for those bits that change who runs a program */
    bool takes_any_link; /* hard ones too, and symbolic ones to wherever: nobody on this machine follows them
                          */
};

/* Unpacks the archive that `fd` is at the beginning of, plain or gzip, into `folder`, which is there and
 * empty. Refused, as "bad-call", with what is unpacked so far left where it is: what is no archive, or ends
 * early; anything but files, folders and symbolic links; names that are absolute or have ".."; two entries of
 * one name; links that lead out of the folder or nowhere; more than the limits. Modes become 0755 or 0644.
 * The limits may allow more. Any thread; it blocks. */
int folder_archive_unpack(int fd, const char *folder, const struct folder_archive_limits *limits,
                          struct error *err);

#endif
