/* A whole folder of the disk into a package. */
#ifndef PREPARE_JOB_PACKAGE_FOLDER_H
#define PREPARE_JOB_PACKAGE_FOLDER_H

#include "base/error.h"
#include "prepare/job/ignore_rules.h"
#include "prepare/job/package_sink.h"

/* Told of what was left out of a folder: a link that leads nowhere, a socket. `path` is absolute. */
typedef void package_skipped_fn(void *context, const char *path, const char *why);

struct package_folder {
    const char *path; /* where in the package; "" for the top */
    const char *source; /* absolute */
    const char *const *exclude; /* fnmatch(3) patterns of names to leave out, ended by NULL; or NULL */
    const struct ignore_rules *ignore; /* what else is left out, by paths in the package; or NULL */
    const char *const *keep; /* paths of files that `ignore` does not hold for, ended by NULL; or NULL */
    package_skipped_fn *skipped;
    void *context;
};

/* Copies it, without what stray_file.h names. A link to a file or folder within the source becomes a copy of
 * it. Errors: those of the sink, "bad-source" (not an absolute path of a folder), and "bad-link" (a link out
 * of the source, or in a circle) with the link's absolute path in *ret_culprit, which the caller frees. */
int package_folder_add(struct package_sink *sink, const struct package_folder *folder, char **ret_culprit,
                       struct error *err);

#endif
