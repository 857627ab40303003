/* The Node.js plugin: its table and its callbacks. What it knows of JavaScript is in analysis/, which runs in
 * an embedded engine; nothing here or there ever runs the user's code. */
#include "engine.h"
#include "node_version.h"
#include "outcome.h"

#include <stdbool.h>
#include <string.h>

static const char *const aliases[] = {"nodejs", "javascript", "js", NULL};

static const struct berth_option options[] = {
    {
        .name = "handler",
        .type = BERTH_OPTION_STRING,
        .max = 512,
        .help = "The name of the export that is the handler, when it is none of the usual ones.",
    },
    {
        .name = "debug",
        .type = BERTH_OPTION_BOOLEAN,
        .default_value = "false",
        .help = "Show the stack of an exception in the answer.",
    },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What the analysis is told of a function; a new reference. What is no UTF-8 is left out. */
static json_t *known_of(const struct berth_host *host, struct berth_job *job,
                        const struct berth_function *function)
{
    bool is_installed = BERTH_HAS(function, dependencies) && function->dependencies;
    const char *base = BERTH_HAS(function, base) ? function->base : NULL;
    json_t *values = json_object();
    json_t *known = json_pack("{s:s*,s:s*,s:s*,s:b,s:s,s:o}", "name", function->name, "folder",
                              last_name(function->folder), "file", function->file, "installed", is_installed,
                              "node", node_version(base), "options", values);
    for (size_t i = 0; known && i < OPTION_COUNT; i++) {
        const char *text = host->option(job, options[i].name);
        if (text)
            json_object_set_new(values, options[i].name, json_string(text));
    }
    return known;
}

/* Calls the callback's counterpart in analysis/job.js. */
static json_t *ask(const char *name, const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    return engine_call(name, function, known_of(host, job, function), err);
}

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    json_t *result = ask("validate", host, job, function, err);
    int rc = result ? outcome_report(host, job, result, err) : -1;
    json_decref(result);
    return rc;
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    json_t *result = ask("package", host, job, function, err);
    int rc = result ? outcome_package(host, job, function->folder, result, err) : -1;
    json_decref(result);
    return rc;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    json_t *result = ask("launch", host, job, function, err);
    int rc = result ? outcome_launch(host, job, result, err) : -1;
    json_decref(result);
    return rc;
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    json_t *result = ask("scaffold", host, job, function, err);
    int rc = result ? outcome_files(host, job, result, err) : -1;
    json_decref(result);
    return rc;
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "node",
    .version = PLUGIN_VERSION,
    .aliases = aliases,
    BERTH_OPTIONS(options),
    .validate = validate,
    .package = package,
    .launch = launch,
    .scaffold = scaffold,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
