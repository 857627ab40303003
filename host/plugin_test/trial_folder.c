#include "plugin_test/trial_folder.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/store/tree.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define FOLDER_MODE 0755
#define FILE_MODE   0755
#define FILE_MAX    (512u << 20)

static int copy_file(const char *from, const char *folder, const char *name, struct error *err)
{
    cleanup_free char *bytes = NULL, *to = xasprintf("%s/%s", folder, name);
    size_t size;
    if (fs_read_file(from, FILE_MAX, &bytes, &size, err) < 0)
        return -1;
    return fs_write_file(to, bytes, size, FILE_MODE, err);
}

static int copy_folder(const char *from, const char *to, struct error *err)
{
    return fs_make_dirs(to, FOLDER_MODE, err) < 0 ? -1 : tree_copy(from, to, err);
}

/* A plugin may have libraries of its own beside it ($ORIGIN). */
static int copy_libraries(const char *from, const char *to, struct error *err)
{
    cleanup_dir DIR *dir = opendir(from);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup_free char *path = xasprintf("%s/%s", from, entry->d_name);
        if (fnmatch("lib*.so*", entry->d_name, 0) == 0 && copy_file(path, to, entry->d_name, err) < 0)
            return -1;
    }
    return 0;
}

static int copy_plugin(struct bench *bench, const char *folder, struct error *err)
{
    const char *name = bench_probe(bench)->plugin->language.name;
    cleanup_free char *plugins = xasprintf("%s/plugins", folder);
    cleanup_free char *beside = xstrndup(bench->path, (size_t)(strrchr(bench->path, '/') - bench->path));
    cleanup_free char *images = xasprintf("%s/%s", beside, name), *to = xasprintf("%s/%s", plugins, name);
    cleanup_free char *file = xasprintf("%s.so", name);
    if (fs_make_dirs(plugins, FOLDER_MODE, err) < 0 || copy_libraries(beside, plugins, err) < 0 ||
        (fs_is_dir(images) && copy_folder(images, to, err) < 0))
        return -1;
    return copy_file(bench->path, plugins, file, err);
}

/* The good function as one of the registry's. Bodies are not kept before they are handed on, so that a client
 * that stops in the middle is seen by the runner. The caller frees it. */
static char *make_entry(struct bench *bench, const char *name, const char *settings)
{
    const char *language = bench_probe(bench)->plugin->language.name;
    cleanup_free char *only = bench_only_file(bench_function(bench));
    cleanup_free char *file = only ? xasprintf("      base_function_file_name: \"%s\"\n", only) : xstrdup("");
    return xasprintf("  %s:\n"
                     "    configuration:\n"
                     "      programing_language: \"%s\"\n"
                     "      function_folder: \"" BENCH_FUNCTION "\"\n%s"
                     "      request_buffering: false\n"
                     "      idle_timeout: 3600s\n"
                     "      max_scale: 1\n%s",
                     name, language, file, settings);
}

static int write_registry(struct bench *bench, const char *folder, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/registry.yml", folder);
    cleanup_free char *plain = make_entry(bench, BENCH_FUNCTION, "");
    cleanup_free char *keeper = make_entry(bench, BENCH_KEEPER, "      volumes: {kept: " BENCH_VOLUME "}\n");
    cleanup_free char *text = xasprintf("host:\n"
                                        "  watch: false\n"
                                        "  prewarm: 1\n"
                                        "  spare_networks: 0\n"
                                        "  request_records: 0\n"
                                        "usable-functions:\n%s%s",
                                        plain, keeper);
    return fs_write_file(path, text, strlen(text), FILE_MODE, err);
}

int trial_folder_make(struct bench *bench, const char *folder, struct error *err)
{
    cleanup_free char *function = xasprintf("%s/functions/" BENCH_FUNCTION, folder);
    return copy_folder(bench_function(bench), function, err) < 0 || copy_plugin(bench, folder, err) < 0
               ? -1
               : write_registry(bench, folder, err);
}
