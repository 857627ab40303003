/* One plugin: a file that was probed, and what it says of itself. Control thread only. */
#ifndef PREPARE_PLUGIN_H
#define PREPARE_PLUGIN_H

#include "config/registry.h"
#include "prepare/process/build_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The folder `<name>/<what>` beside the plugin's file (absolute), "image" or "builder", or NULL when there is
 * no Dockerfile in it. The caller frees it. */
char *plugin_image_dir(const char *path, const char *name, const char *what);

/* What a job of `plugin` is asked for about a function. Borrows from both. */
struct build_request plugin_request(const struct plugin *plugin, const struct function_settings *settings,
                                    enum build_operation operation);

/* Whether its validate knows of installed dependencies (since ABI 1.2), so that another look is of use. */
bool plugin_sees_dependencies(const struct plugin *plugin);

#endif
