#include "prepare/job/work.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "prepare/job/description.h"
#include "prepare/job/host_calls.h"
#include "prepare/job/job.h"
#include "prepare/job/repeat.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX (1u << 20) /* of dependencies, with what they depend on */

typedef int job_callback(const struct berth_host *host, struct berth_job *job,
                         const struct berth_function *function, struct berth_error *err);

static int load_plugin(struct berth_job *job, struct error *err)
{
    const char *path = job_text(job, "plugin");
    job_enter(job, JOB_LOAD);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(err, ERROR_PLUGIN_LOAD, "it cannot be loaded: %s", dlerror());
    const struct berth_plugin *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(library, BERTH_PLUGIN_ENTRY);
    if (!entry) {
        error_set(err, ERROR_PLUGIN_LOAD, "it has no entry point: %s", dlerror());
        return error_hint(err, "a plugin exports %s(), see berth/plugin.h", BERTH_PLUGIN_ENTRY);
    }
    job_enter(job, JOB_ENTRY);
    const struct berth_plugin *plugin = entry();
    if (!plugin)
        return error_set(err, ERROR_PLUGIN_ABI, "%s() returned NULL; a description is expected",
                         BERTH_PLUGIN_ENTRY);
    if (description_read(plugin, &job->plugin, err) < 0)
        return -1;
    job_enter(job, JOB_HOST);
    const char *expected = job_text(job, "language");
    if (expected && strcmp(expected, job->plugin.name) != 0)
        return error_set(err, ERROR_PLUGIN_ABI, "its name is \"%s\" now; \"%s\" is expected",
                         job->plugin.name, expected);
    return 0;
}

/* The error of a callback that returned something else than 0. */
static int callback_failed(const char *name, int rc, struct berth_error *failure, struct error *err)
{
    failure->message[sizeof(failure->message) - 1] = '\0';
    failure->hint[sizeof(failure->hint) - 1] = '\0';
    if (rc != -1)
        return error_set(err, ERROR_PLUGIN_CONTRACT, "%s returned %d; 0 or -1 is expected", name, rc);
    if (!failure->message[0])
        return error_set(err, ERROR_PLUGIN_CONTRACT, "%s returned -1 without a message", name);
    error_set(err, ERROR_PLUGIN_FAILED, "%s", failure->message);
    return error_hint(err, "%s", failure->hint);
}

static int call_plugin(struct berth_job *job, enum job_stage stage, job_callback *callback, struct error *err)
{
    struct berth_error failure = {.struct_size = sizeof(failure)};
    job_enter(job, stage);
    int rc = callback(host_calls_init(job), job, &job->function, &failure);
    job_enter(job, JOB_HOST);
    if (job->failed) {
        *err = job->error;
        return -1;
    }
    return rc == 0 ? 0 : callback_failed(job_stage_name(stage), rc, &failure, err);
}

/* The function's files are at fault: say so, with the first error. */
static int refuse_function(const struct berth_job *job, struct error *err)
{
    const char *message = "";
    for (size_t i = 0; i < json_array_size(job->diagnostics) && !*message; i++) {
        const json_t *item = json_array_get(job->diagnostics, i);
        if (strcmp(json_string_value(json_object_get(item, "severity")), "error") == 0)
            message = json_string_value(json_object_get(item, "message"));
    }
    return error_set(err, ERROR_INVALID_FUNCTION, "%s", message);
}

static int run_validate(struct berth_job *job, json_t *result, struct error *err)
{
    job->function.dependencies = job_text(job, "dependencies");
    int rc = call_plugin(job, JOB_VALIDATE, job->plugin.validate, err);
    job->function.dependencies = NULL; /* a package depends on the function's files alone */
    json_object_set_new(result, "validated", json_integer((json_int_t)json_array_size(job->diagnostics)));
    if (rc < 0)
        return -1;
    return job->errors > 0 ? refuse_function(job, err) : 0;
}

/* The same dependencies with another lock file are others: what they depend on becomes part of their key. */
static int note_reads(struct berth_job *job, struct error *err)
{
    cleanup_strbuf struct strbuf key;
    strbuf_init(&key, KEY_MAX);
    strbuf_append_format(&key, "%s", json_string_value(json_object_get(job->dependencies, "key")));
    for (size_t i = 0; i < json_array_size(job->reads); i++) {
        const char *path = json_string_value(json_array_get(job->reads, i));
        char digest[HASH_HEX_SIZE];
        if (package_sink_digest(&job->sink, path, digest, err) < 0)
            return -1;
        strbuf_append_format(&key, "\n%s %s", *digest ? digest : "-", path);
    }
    json_object_set_new(job->dependencies, "key", json_string(strbuf_text(&key)));
    return 0;
}

static int call_package(struct berth_job *job, struct error *err)
{
    int rc = package_sink_begin(&job->sink, err);
    if (rc == 0)
        rc = call_plugin(job, JOB_PACKAGE, job->plugin.package, err);
    if (rc == 0 && job->reads)
        rc = note_reads(job, err);
    return job->errors > 0 ? refuse_function(job, err) : rc;
}

static int call_launch(struct berth_job *job, struct error *err)
{
    if (call_plugin(job, JOB_LAUNCH, job->plugin.launch, err) < 0)
        return -1;
    if (!job->launch)
        return error_set(err, ERROR_PLUGIN_CONTRACT, "launch returned 0 without calling set_launch");
    return 0;
}

static int run_probe(struct berth_job *job, json_t *result, struct error *err)
{
    (void)err;
    json_object_set_new(result, "plugin", description_to_json(&job->plugin));
    return 0;
}

/* What the package came to is told by who wrote it. */
static int run_package(struct berth_job *job, json_t *result, struct error *err)
{
    if (run_validate(job, result, err) < 0 || call_package(job, err) < 0 || call_launch(job, err) < 0)
        return -1;
    json_object_set(result, "dependencies", job->dependencies);
    json_object_set(result, "launch", job->launch);
    return 0;
}

struct cycles {
    struct berth_job *job;
    json_t *result;
};

static int run_cycle(void *context, struct error *err)
{
    struct cycles *cycles = context;
    job_reset(cycles->job);
    return run_package(cycles->job, cycles->result, err);
}

static int run_repeat(struct berth_job *job, json_t *result, struct error *err)
{
    struct cycles cycles = {job, result};
    json_int_t count = json_integer_value(json_object_get(job->request, "cycles"));
    json_t *growth;
    if (repeat_cycles((unsigned)count, run_cycle, &cycles, &growth, err) < 0)
        return -1;
    json_object_set_new(result, "growth", growth);
    return 0;
}

static int run_scaffold(struct berth_job *job, json_t *result, struct error *err)
{
    (void)result;
    if (!job->plugin.scaffold) {
        error_set(err, ERROR_NO_SCAFFOLD, "the plugin %s does not make new functions", job->plugin.name);
        return error_hint(err, "copy an existing function of this language");
    }
    if (package_sink_begin(&job->sink, err) < 0 ||
        call_plugin(job, JOB_SCAFFOLD, job->plugin.scaffold, err) < 0)
        return -1;
    if (job->sink.files == 0)
        return error_set(err, ERROR_PLUGIN_CONTRACT, "scaffold returned 0 without adding a file");
    return 0;
}

static const struct operation {
    const char *name;
    int (*run)(struct berth_job *job, json_t *result, struct error *err);
    bool function, folder, output; /* what the request must name */
} operations[] = {
    {"probe", run_probe, false, false, false},      {"package", run_package, true, false, true},
    {"validate", run_validate, true, false, false}, {"scaffold", run_scaffold, true, true, true},
    {"repeat", run_repeat, true, false, true},
};

/* The folder's path had no symbolic link in it when the registry was read: one that is there would lead to
 * another folder than the one that was looked at. What else is wrong with it, the plugin tells better. */
static int check_folder(const char *folder, struct error *err)
{
    cleanup_close int fd = -1;
    struct error why;
    if (fs_open_real_dir(folder, &fd, &why) == 0 || why.code != ERROR_IS_LINK)
        return 0;
    error_set(err, ERROR_FOLDER_REPLACED, "the function's folder was replaced by a link: %s", why.message);
    return error_hint(err, "a reload (SIGHUP) looks where it leads, and whether it may");
}

static int run_operation(struct berth_job *job, json_t *result, struct error *err)
{
    const char *name = job_text(job, "operation");
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
        const struct operation *operation = &operations[i];
        if (!name || strcmp(operation->name, name) != 0)
            continue;
        if (!job_text(job, "plugin") || (operation->output && !job_text(job, "output")) ||
            (operation->function && !job->function.name) || (operation->folder && !job->function.folder))
            return error_set(err, ERROR_JOB_START, "the request lacks a path or a name, or it is not UTF-8");
        bool reads = job->function.folder && !operation->folder;
        if (reads && check_folder(job->function.folder, err) < 0)
            return -1;
        return load_plugin(job, err) < 0 ? -1 : operation->run(job, result, err);
    }
    return error_set(err, ERROR_JOB_START, "the request names no operation");
}

_Noreturn void work(const json_t *request, const struct reply *reply, int socket)
{
    struct berth_job job = {
        .reply = reply, .request = request, .sink = {.socket = socket}, .diagnostics = json_array()};
    job.function = (struct berth_function){.struct_size = sizeof(job.function),
                                           .name = job_text(&job, "function"),
                                           .folder = job_text(&job, "folder"),
                                           .file = job_text(&job, "file"),
                                           .base = job_text(&job, "base")};

    struct error err;
    json_t *result = json_object();
    int rc = run_operation(&job, result, &err);
    json_object_set_new(result, "ok", json_boolean(rc == 0));
    if (rc < 0)
        json_object_set_new(result, "error", json_error(&err));
    json_object_set(result, "diagnostics", job.diagnostics);
    fflush(NULL);
    reply_result(reply, result);
    /* The plugin's destructors and exit handlers are not run: the job is done, and they might still fail it.
     */
    _exit(0);
}
