/*
 * The files that may be plugins: every `*.so` of one folder, or of two, probed in a build job. A scan probes
 * only those that are new or have changed (path, time, size, inode). Which of them serves what is for
 * plugins.h to say. Control thread only.
 */
#ifndef PREPARE_PLUGIN_FILES_H
#define PREPARE_PLUGIN_FILES_H

#include "base/error.h"
#include "prepare/process/build_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct plugin_files;

/* What makes a file the same one as before. */
struct file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

enum plugin_standing { STANDING_NONE, STANDING_ACCEPTED, STANDING_REFUSED };

/* One file: probed, or being probed. */
struct plugin_file {
    struct plugin_files *files;
    char *path;
    struct file_identity identity;
    uint64_t changes; /* how many files were probed at this path */
    struct build_job *probe; /* under way, or NULL */
    struct build_plugin *found; /* NULL: `error` says why not */
    struct error error;
    bool fresh; /* probed by the last scan */

    /* Whoever judges keeps here what it has said; both begin at zero. The array is freed with the file. */
    enum plugin_standing standing;
    bool *alias_refused; /* for each alias of `found` */
};

/* All files have been looked at. From the event loop. */
typedef void plugin_files_scanned_fn(void *owner);

/* `folder` is made absolute. It need not exist yet. `jobs` outlives this. */
int plugin_files_create(struct build_jobs *jobs, const char *folder, plugin_files_scanned_fn *scanned,
                        void *owner, struct plugin_files **ret_files, struct error *err);

/* A second folder, as plugins_add_folder() has it. */
void plugin_files_add_folder(struct plugin_files *files, const char *folder, uid_t owner);

/* Why the second folder was not looked into; without a message when it was. */
const struct error *plugin_files_distrust(const struct plugin_files *files);

/* Cancels a scan silently. NULL is fine. */
void plugin_files_destroy(struct plugin_files *files);

/* Looks at the folders and probes what is new; `scanned` follows, once. Not while a scan is under way. The
 * error: the folder cannot be read. */
int plugin_files_scan(struct plugin_files *files, struct error *err);

/* The files as the last scan found them, those of the first folder first, sorted by name. Those of the scan
 * before that it has not taken over stay until plugin_files_forget(), and what they hold may be used until
 * then. */
struct plugin_file *const *plugin_files_list(const struct plugin_files *files, size_t *ret_count);

/* Frees those of the scan before. True when some are not there any more, which is logged. */
bool plugin_files_forget(struct plugin_files *files);

#endif
