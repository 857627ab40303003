/* Runs one callback of a plugin the way a build job does, with a host that writes down every call:
 *
 *   plugin_probe PLUGIN.so CALLBACK NAME FOLDER FILE|- [OPTION=VALUE ...]
 *
 * prints one JSON object: {"status":..,"error":..,"calls":[..]}. CALLBACK "describe" prints the table
 * instead, and "all" runs validate, package and launch one after the other. The variable PROBE_BASE names the
 * release that the function is to run on. */
#include <berth/plugin.h>

#include <dlfcn.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct berth_job {
    json_t *calls;
    char **options; /* NAME=VALUE, ended by NULL */
};

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (; list != NULL && *list != NULL; list++) {
        json_array_append_new(array, json_string(*list));
    }
    return array;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static int report(struct berth_job *job, const struct berth_diagnostic *finding)
{
    return json_array_append_new(
        job->calls, json_pack("{s:s,s:i,s:o,s:i,s:i,s:s,s:o,s:o}", "call", "report", "severity",
                              (int)finding->severity, "file", text_or_null(finding->file), "line",
                              (int)finding->line, "column", (int)finding->column, "message", finding->message,
                              "hint", text_or_null(finding->hint), "option", text_or_null(finding->option)));
}

static const char *option(struct berth_job *job, const char *name)
{
    size_t length = strlen(name);
    for (char **item = job->options; *item != NULL; item++) {
        if (strncmp(*item, name, length) == 0 && (*item)[length] == '=') {
            return *item + length + 1;
        }
    }
    return NULL;
}

static int add_file(struct berth_job *job, const char *path, const void *bytes, size_t size, int executable)
{
    char *digits = malloc(2 * size + 1);
    if (digits == NULL) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        snprintf(digits + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    }
    digits[2 * size] = '\0';
    int status = json_array_append_new(job->calls, json_pack("{s:s,s:s,s:s,s:b}", "call", "add_file", "path",
                                                             path, "hex", digits, "executable", executable));
    free(digits);
    return status;
}

static int add_folder(struct berth_job *job, const char *path, const char *source, const char *const *exclude)
{
    return json_array_append_new(job->calls, json_pack("{s:s,s:s,s:s,s:o}", "call", "add_folder", "path",
                                                       path, "source", source, "exclude", texts(exclude)));
}

static int set_dependencies(struct berth_job *job, const struct berth_dependencies *dependencies)
{
    return json_array_append_new(job->calls, json_pack("{s:s,s:s,s:o,s:o}", "call", "set_dependencies", "key",
                                                       dependencies->key, "argv", texts(dependencies->argv),
                                                       "environment", texts(dependencies->environment)));
}

static int set_launch(struct berth_job *job, const struct berth_launch *launch)
{
    return json_array_append_new(
        job->calls, json_pack("{s:s,s:o,s:o,s:o,s:i,s:i,s:o}", "call", "set_launch", "image",
                              text_or_null(launch->image), "command", texts(launch->command), "environment",
                              texts(launch->environment), "concurrency", (int)launch->concurrency,
                              "transport", (int)launch->transport, "runtime", text_or_null(launch->runtime)));
}

static const struct berth_host host = {
    .struct_size = sizeof(host),
    .abi_minor = BERTH_ABI_MINOR,
    .report = report,
    .option = option,
    .add_file = add_file,
    .add_folder = add_folder,
    .set_dependencies = set_dependencies,
    .set_launch = set_launch,
};

typedef int callback(const struct berth_host *, struct berth_job *, const struct berth_function *,
                     struct berth_error *);

static int run(const struct berth_plugin *plugin, const char *name, struct berth_job *job,
               const struct berth_function *function, struct berth_error *err)
{
    const struct {
        const char *name;
        callback *run;
        int in_all;
    } callbacks[] = {
        {"validate", plugin->validate, 1},
        {"package", plugin->package, 1},
        {"launch", plugin->launch, 1},
        {"scaffold", plugin->scaffold, 0},
    };
    int all = strcmp(name, "all") == 0;
    int status = 0;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]) && status == 0; i++) {
        if (all ? callbacks[i].in_all : strcmp(name, callbacks[i].name) == 0) {
            status = callbacks[i].run(&host, job, function, err);
        }
    }
    return status;
}

static json_t *describe(const struct berth_plugin *plugin)
{
    json_t *options = json_array();
    for (size_t i = 0; i < plugin->option_count; i++) {
        const struct berth_option *item = &plugin->options[i];
        json_array_append_new(options,
                              json_pack("{s:s,s:i,s:o,s:s}", "name", item->name, "type", (int)item->type,
                                        "default", text_or_null(item->default_value), "help", item->help));
    }
    return json_pack("{s:s,s:s,s:i,s:i,s:o,s:o}", "name", plugin->name, "version", plugin->version, "major",
                     (int)plugin->abi_major, "minor", (int)plugin->abi_minor, "aliases",
                     texts(plugin->aliases), "options", options);
}

static int print_json(json_t *json)
{
    int status = json_dumpf(json, stdout, JSON_COMPACT);
    json_decref(json);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PLUGIN.so CALLBACK NAME FOLDER FILE|- [OPTION=VALUE ...]\n", argv[0]);
        return EXIT_FAILURE;
    }
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return EXIT_FAILURE;
    }
    const struct berth_plugin *(*entry)(void);
    *(void **)&entry = dlsym(library, BERTH_PLUGIN_ENTRY);
    if (entry == NULL || argc < 6) {
        return entry != NULL ? print_json(describe(entry())) : EXIT_FAILURE;
    }
    struct berth_job job = {.calls = json_array(), .options = argv + 6};
    struct berth_function function = {.struct_size = sizeof(function),
                                      .name = argv[3],
                                      .folder = argv[4],
                                      .file = strcmp(argv[5], "-") == 0 ? NULL : argv[5],
                                      .base = getenv("PROBE_BASE")};
    struct berth_error err = {.struct_size = sizeof(err)};
    int status = run(entry(), argv[2], &job, &function, &err);
    return print_json(json_pack("{s:i,s:s,s:o}", "status", status, "error", err.message, "calls", job.calls));
}
