/*
 * The plugins of one folder, or of two: which of the files there (plugin_files.h) serve which languages.
 * Control thread only.
 */
#ifndef PREPARE_PLUGINS_H
#define PREPARE_PLUGINS_H

#include "base/error.h"
#include "config/registry.h"
#include "prepare/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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

/* The same set as registry_load takes it, and behind it the refused ones. Valid until the next scan ends. */
const struct language *plugins_languages(const struct plugins *plugins, size_t *ret_count);

const struct plugin_refusal *plugins_refusals(const struct plugins *plugins, size_t *ret_count);

#endif
