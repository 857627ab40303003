/* The shell plugin: scripts and programs that are run once a request, in the manner of CGI. */
#include "entry.h"
#include "syntax.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNNER "/opt/berth/shell-runner"

static const char *const aliases[] = {"bash", "sh", NULL};

static const struct berth_option options[] = {
    {
        .name = "content_type",
        .type = BERTH_OPTION_STRING,
        .default_value = "text/plain; charset=utf-8",
        .min = 1,
        .max = 256,
        .help = "The Content-Type of an answer whose script names none.",
    },
};

static int fail(struct berth_error *err, const char *message, const char *hint)
{
    snprintf(err->message, sizeof(err->message), "%s", message);
    snprintf(err->hint, sizeof(err->hint), "%s", hint);
    return -1;
}

static void check_content_type(const struct berth_host *host, struct berth_job *job,
                               struct findings *findings)
{
    const char *type = host->option(job, "content_type");
    for (const char *c = type ? type : ""; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){0}, "write it as in text/html",
                         "content_type holds a control character");
            return;
        }
    }
}

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    struct findings findings = {.host = host, .job = job};
    struct entry entry;
    check_content_type(host, job, &findings);
    if (entry_find(function, &findings, &entry) < 0)
        return 0;
    return syntax_check(function, &entry, &findings, err);
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    static const char *const exclude[] = {".git", ".svn", ".hg", ".DS_Store", "*~", "*.swp", NULL};
    if (host->add_folder(job, "", function->folder, exclude) < 0)
        return fail(err, "the folder cannot be packaged", "");
    return 0;
}

/* What the runner reads: see runner/function.c. */
static char *runtime_settings(const struct berth_host *host, struct berth_job *job, const struct entry *entry)
{
    json_t *object = json_pack("{s:s}", "file", entry->file);
    const char *type = host->option(job, "content_type");
    if (entry->kind == ENTRY_SCRIPT)
        json_object_set_new(object, "interpreter", json_string(entry->interpreter));
    if (entry->argument[0])
        json_object_set_new(object, "argument", json_string(entry->argument));
    if (type)
        json_object_set_new(object, "content_type", json_string(type));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    static const char *const command[] = {RUNNER, NULL};
    struct findings silent = {0};
    struct entry entry;
    if (entry_find(function, &silent, &entry) < 0)
        return fail(err, "the function's files have changed since they were checked", "deploy again");
    char *runtime = runtime_settings(host, job, &entry);
    if (!runtime)
        return fail(err, "the entry file's name is not UTF-8", "rename it");
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = command,
        .concurrency = 4,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = runtime,
    };
    int rc = host->set_launch(job, &description);
    free(runtime);
    return rc < 0 ? fail(err, "the host refused the launch description", "") : 0;
}

static const char sample[] =
    "#!/bin/sh\n"
    "# Runs once for each request. The body of the request is standard input, its other parts are CGI "
    "variables\n"
    "# (REQUEST_METHOD, PATH_INFO, QUERY_STRING, CONTENT_TYPE, HTTP_...); the output is the answer. A first "
    "line like\n"
    "# \"Content-Type: text/html\" or \"Status: 404\" begins headers, which end with an empty line.\n"
    "set -eu\n"
    "\n"
    "echo \"Hello from ${SCRIPT_NAME:-a shell script}\"\n"
    "if [ -n \"${QUERY_STRING:-}\" ]; then\n"
    "    echo \"You asked for: $QUERY_STRING\"\n"
    "fi\n";

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const char *file = function->file ? function->file : "handler.sh";
    if (host->add_file(job, file, sample, sizeof(sample) - 1, 1) < 0)
        return fail(err, "the sample script cannot be written", "");
    return 0;
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "shell",
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
