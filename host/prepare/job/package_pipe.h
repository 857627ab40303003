/*
 * How a plugin's process, which can write nothing itself, has its files written by the process that watches
 * it: requests one after the other over a socket, each answered before the next. Both ends are the same
 * program, so the structs go over as they are in memory.
 *
 * The receiving end (package_server.h) trusts nothing of what it reads.
 */
#ifndef PREPARE_JOB_PACKAGE_PIPE_H
#define PREPARE_JOB_PACKAGE_PIPE_H

#include "base/error_code.h"

#include <stdint.h>

enum package_request_kind {
    PACKAGE_BEGIN = 1, /* make the directory of the job's output; what was written before is dropped */
    PACKAGE_FOLDER, /* a folder, followed by its path */
    PACKAGE_FILE, /* a file, followed by its path and then its bytes */
    PACKAGE_DIGEST, /* of a file or folder of the output, followed by its path; "" for all of it */
};

struct package_request {
    uint32_t kind;
    uint32_t path_size; /* without a NUL; the path is relative to the output */
    uint32_t executable;
    uint64_t size; /* of the file */
};

/* `code` is ERROR_NONE when it was done, and `message` what was asked for, if anything was; else these are
 * the parts of a struct error of component "build". */
struct package_answer {
    enum error_code code;
    char message[768];
    char hint[384];
};

#endif
