#include "prepare/plugin.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <string.h>

#define MINOR_WITH_DEPENDENCIES 2 /* the ABI's, from which on a plugin is told where they are */

char *plugin_image_dir(const char *path, const char *name, const char *what)
{
    int length = (int)(strrchr(path, '/') - path);
    cleanup_free char *folder = xasprintf("%.*s/%s/%s", length, path, name, what);
    cleanup_free char *dockerfile = xasprintf("%s/Dockerfile", folder);
    return fs_exists(dockerfile) ? steal(&folder) : NULL;
}

struct build_request plugin_request(const struct plugin *plugin, const struct function_settings *settings,
                                    enum build_operation operation)
{
    return (struct build_request){
        .operation = operation,
        .plugin = plugin->path,
        .language = plugin->language.name,
        .function = settings->name,
        .folder = settings->folder,
        .file = settings->file,
        .base = settings->base,
        .options = settings->options,
        .option_count = settings->option_count,
    };
}

bool plugin_sees_dependencies(const struct plugin *plugin)
{
    return plugin->abi_minor >= MINOR_WITH_DEPENDENCIES;
}
