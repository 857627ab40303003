/*
 * The plugins of one folder, or of two: every `*.so` in it, probed in a build job before it counts. A rescan
 * probes only files that are new or have changed (path, time, size, inode). Control thread only.
 */
#ifndef PREPARE_PLUGINS_H
#define PREPARE_PLUGINS_H

#include "base/error.h"
#include "config/registry.h"
#include "prepare/process/build_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An alias that a plugin asks for and another has: functions that say it get the other. */
struct refused_alias {
    const char *alias, *taken_by; /* the other's path */
};

struct plugin {
    char *path; /* absolute */
    char *version;
    unsigned abi_major, abi_minor;
    bool scaffolds;
    struct language language; /* its name is the plugin's and the runtime's; without the refused aliases */
    struct refused_alias *refused_aliases;
    size_t refused_alias_count;
    char *image_dir; /* `<folder>/<name>/image` when a Dockerfile is there, else NULL: it has no runtime image
                      */
    char *builder_dir; /* `<folder>/<name>/builder` likewise, or NULL: dependencies are installed in the
                          runtime image */
    uint64_t changes; /* grows by one each time another file was probed at this path */
};

struct plugin_refusal {
    char *path;
    struct error error; /* why this file is not a plugin of this host */
};

struct plugins;

/* `folder` is made absolute. It need not exist yet. `jobs` outlives the set. */
int plugins_create(struct build_jobs *jobs, const char *folder, struct plugins **ret_plugins,
                   struct error *err);

/* A second folder, which need not be there: its plugins come after those of the first. It is looked into only
 * when it and its plugins belong to this user, root or `owner`, and nobody else may write there. Once, before
 * a scan. */
void plugins_add_folder(struct plugins *plugins, const char *folder, uid_t owner);

/* Why the second folder was not looked into; without a message when it was. */
const struct error *plugins_distrust(const struct plugins *plugins);

/* Cancels a scan silently. NULL is fine. */
void plugins_destroy(struct plugins *plugins);

/* `changed`: the set is not the one it was before the scan. */
typedef void plugins_scanned_fn(void *context, bool changed);

/* Looks at the folder and probes what is new. `done` comes from the event loop, never from inside. A scan
 * asked for while one is under way runs after it; `done` of both is called after the later one. When it is
 * called the set has been replaced: pointers got from here before are dead. Each plugin found, changed, gone
 * or refused, and each alias refused, is logged once. The error: the folder cannot be read. */
int plugins_scan(struct plugins *plugins, plugins_scanned_fn *done, void *context, struct error *err);

/* The set, sorted by file name. No two of them have a word in common; plugin_claims.h says who gets one that
 * several ask for. Who loses its name is refused, who loses an alias does without. */
const struct plugin *plugins_list(const struct plugins *plugins, size_t *ret_count);

/* By name or alias; NULL when there is none. */
const struct plugin *plugins_find(const struct plugins *plugins, const char *language);

/* The folder `<name>/<what>` beside the plugin's file (absolute), "image" or "builder", or NULL when there is
 * no Dockerfile in it. The caller frees it. */
char *plugin_image_dir(const char *path, const char *name, const char *what);

/* What a job of `plugin` is asked for about a function. Borrows from both. */
struct build_request plugin_request(const struct plugin *plugin, const struct function_settings *settings,
                                    enum build_operation operation);

/* Whether its validate knows of installed dependencies (since ABI 1.2), so that another look is of use. */
bool plugin_sees_dependencies(const struct plugin *plugin);

/* The same set as registry_load takes it, and behind it the refused ones. Valid until the next scan ends. */
const struct language *plugins_languages(const struct plugins *plugins, size_t *ret_count);

const struct plugin_refusal *plugins_refusals(const struct plugins *plugins, size_t *ret_count);

#endif
