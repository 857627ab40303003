#include "new_function.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "config/function_settings.h"
#include "prepare/plugins.h"
#include "prepare/process/one_job.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LANGUAGES_TEXT 4096
#define FOLDERS        "functions" /* beside the registry: where functions' folders are looked for */
#define FOLDER_MODE    0755

struct request {
    const char *config_path, *language, *name;
    const struct host_settings *host;
    const struct locations *locations;
    bool json;
    struct event_base *base;
    struct plugins *plugins;
};

/* --- what there is --- */

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    event_base_loopbreak(context);
}

static int scan(struct request *request, struct build_jobs *jobs, struct error *err)
{
    const struct locations *locations = request->locations;
    if (plugins_create(jobs, locations->plugin_dir, &request->plugins, err) < 0)
        return -1;
    plugins_add_folder(request->plugins, locations->own_plugin_dir, locations->owner);
    if (plugins_scan(request->plugins, on_scanned, request->base, err) < 0)
        return -1;
    event_base_dispatch(request->base);
    return 0;
}

static int unknown_language(const struct request *request, struct error *err)
{
    size_t count;
    const struct plugin *plugins = plugins_list(request->plugins, &count);
    cleanup_free const char **names = xcalloc(count, sizeof(*names));
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, LANGUAGES_TEXT);
    for (size_t i = 0; i < count; i++) {
        names[i] = plugins[i].language.name;
        strbuf_append_format(&text, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = suggest_nearest(request->language, names, count);
    error_set(err, ERROR_UNKNOWN_LANGUAGE, "there is no plugin for the language \"%s\"; there are: %s",
              request->language, count > 0 ? strbuf_text(&text) : "none");
    return near ? error_hint(err, "did you mean %s?", near) : -1;
}

/* No function of the registry may have its name, whatever is wrong with the registry's functions. */
static int check_name(const struct request *request, struct error *err)
{
    struct registry *registry;
    size_t language_count;
    const char *name = request->name;
    if (!function_settings_is_free_route(name)) {
        error_set(err, ERROR_USAGE, "\"%s\" cannot be a function's name, or is reserved", name);
        return error_hint(err, "letters, digits, \"-\" and \"_\", at most 63, with a letter or digit at both "
                               "ends");
    }
    const struct language *languages = plugins_languages(request->plugins, &language_count);
    if (registry_load(request->config_path, languages, language_count, NULL, &registry, err) < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < registry->function_count && rc == 0; i++) {
        const struct function_settings *settings = &registry->functions[i];
        if (strcmp(settings->name, name) == 0 || strcmp(settings->key, name) == 0)
            rc = error_set_in(err, COMPONENT_CONFIG, ERROR_EXISTS,
                              "%s has a function \"%s\" already, in line %u", request->config_path, name,
                              settings->line);
    }
    registry_destroy(registry);
    return rc;
}

/* --- the function --- */

/* The files of the folder. */
struct files {
    const char *folder;
    json_t *paths; /* absolute */
    char *first; /* relative to the folder */
};

/* What a build job writes has the time of packages; these files are of today. */
static int on_file(void *context, const struct tree_entry *entry, struct error *err)
{
    struct files *files = context;
    if (entry->kind != TREE_FOLDER && utimensat(entry->parent, entry->name, NULL, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot set the time of %s", entry->path);
    if (entry->kind != TREE_FILE)
        return 0;
    if (!files->first)
        files->first = xstrdup(entry->path);
    cleanup_free char *path = xasprintf("%s/%s", files->folder, entry->path);
    json_array_append_new(files->paths, json_text(path));
    return 0;
}

/* As it stands below `usable-functions:`. The caller frees it. */
static char *make_entry(const struct request *request, const char *language, const char *file)
{
    cleanup_free char *line = file ? xasprintf("      base_function_file_name: \"%s\"\n", file) : xstrdup("");
    return xasprintf("  %s:\n    configuration:\n      programing_language: \"%s\"\n%s"
                     "      function_folder: \"%s\"\n",
                     request->name, language, line, request->name);
}

static void print_made(const struct request *request, const json_t *paths, const char *entry)
{
    size_t i;
    const json_t *path;
    if (request->json) {
        json_t *json = json_pack("{s:O, s:s}", "files", paths, "entry", entry);
        json_dumpf(json, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(json);
        return;
    }
    json_array_foreach(paths, i, path) printf("made %s\n", json_string_value(path));
    printf("\nTo serve it at /%s, add this to %s, below `usable-functions:`, and reload (SIGHUP):\n\n%s",
           request->name, request->config_path, entry);
}

static int scaffold(const struct request *request, const struct plugin *plugin, const char *folder,
                    struct error *err)
{
    const struct build_jobs_options options = {.program = request->locations->build_job_program,
                                               .staging_dir = "/",
                                               .timeout_ms = request->host->build_timeout_ms};
    const struct build_request job = {.operation = BUILD_SCAFFOLD,
                                      .plugin = plugin->path,
                                      .language = plugin->language.name,
                                      .function = request->name,
                                      .folder = folder};
    struct build_result *result = one_job_run(&options, &job);
    int rc = result->ok ? 0 : -1;
    if (rc < 0)
        *err = result->error;
    build_result_destroy(result);
    return rc;
}

/* Tells what was made in the folder, and how it is registered. */
static int tell(const struct request *request, const struct plugin *plugin, const char *folder,
                struct error *err)
{
    struct files files = {.folder = folder, .paths = json_array()};
    int rc = tree_walk(folder, on_file, &files, err);
    if (rc == 0 && utimensat(AT_FDCWD, folder, NULL, 0) < 0)
        rc = error_errno(err, COMPONENT_FILES, errno, "cannot set the time of %s", folder);
    bool is_one = json_array_size(files.paths) == 1;
    cleanup_free char *entry = make_entry(request, plugin->language.name, is_one ? files.first : NULL);
    if (rc == 0)
        print_made(request, files.paths, entry);
    json_decref(files.paths);
    free(files.first);
    return rc;
}

static int make(const struct request *request, const struct plugin *plugin, const char *folders,
                struct error *err)
{
    cleanup_free char *folder = xasprintf("%s/%s", folders, request->name);
    if (fs_exists(folder))
        return error_set_in(err, COMPONENT_BUILD, ERROR_EXISTS, "%s exists already", folder);
    if (fs_make_dirs(folders, FOLDER_MODE, err) < 0 || scaffold(request, plugin, folder, err) < 0)
        return -1;
    return tell(request, plugin, folder, err);
}

/* `functions` beside the registry, absolute. */
static char *folders_of(const struct request *request)
{
    cleanup_free char *config = realpath(request->config_path, NULL);
    const char *path = config ? config : request->config_path;
    const char *slash = strrchr(path, '/');
    return slash ? xasprintf("%.*s/" FOLDERS, (int)(slash - path), path) : xstrdup(FOLDERS);
}

static int run(struct request *request, struct build_jobs *jobs, struct error *err)
{
    if (scan(request, jobs, err) < 0)
        return -1;
    const struct plugin *plugin = plugins_find(request->plugins, request->language);
    if (!plugin)
        return unknown_language(request, err);
    if (check_name(request, err) < 0)
        return -1;
    cleanup_free char *folders = folders_of(request);
    return make(request, plugin, folders, err);
}

int new_function_make(const char *config_path, const struct host_settings *host,
                      const struct locations *locations, const char *language, const char *name, bool json,
                      struct error *err)
{
    struct request request = {.config_path = config_path,
                              .language = language,
                              .name = name,
                              .host = host,
                              .locations = locations,
                              .json = json,
                              .base = event_base_new()};
    const struct build_jobs_options options = {
        .program = locations->build_job_program, .staging_dir = "/", .timeout_ms = host->build_timeout_ms};
    struct build_jobs *jobs = NULL;
    int rc = build_jobs_create(request.base, &options, &jobs, err);
    if (rc == 0)
        rc = run(&request, jobs, err);
    plugins_destroy(request.plugins);
    build_jobs_destroy(jobs);
    event_base_free(request.base);
    return rc;
}
