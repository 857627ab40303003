#include "prepare/job/host_calls.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/job/abi.h"
#include "prepare/job/ignore_rules.h"
#include "prepare/job/package_folder.h"
#include "prepare/job/package_writer.h"
#include "prepare/job/plugin_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define IGNORE_FILE     ".dockerignore"
#define IGNORE_FILE_MAX (1u << 20)
#define STAGE(name)     (1u << JOB_##name)

#define TEXT_BYTES_MAX  65536
#define RUNTIME_MAX     65536
#define CONCURRENCY_MAX 1024
#define READY_PATH_MAX  1024

/* What a request's target may hold: RFC 3986, section 3.3 and 3.4. */
#define PATH_CHARACTERS "/?%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@"

/* The job of this process: what calls with a foreign `job` are counted against. */
static struct berth_job *the_job;

/* Records a mistake of the plugin. Returns -1. */
__attribute__((format(printf, 3, 4))) static int mistake(struct berth_job *job, const char *call,
                                                         const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct error err;
    error_set(&err, ERROR_PLUGIN_CONTRACT, "the plugin called %s wrongly in %s: %s", call,
              job_stage_name(job->stage), text);
    error_hint(&err, "this is a mistake in the plugin, not in the function; tell its author");
    return job_fail(job, &err);
}

/* Checks that the call is for this job and allowed now. */
static int check_call(struct berth_job *job, const char *call, unsigned stages)
{
    if (job != the_job)
        return mistake(the_job, call, "`job` is not what the callback was given");
    if (!(stages & (1u << job->stage)))
        return mistake(job, call, "it is not allowed there");
    return 0;
}

/* Copies the struct that the plugin gave into one of this host's, of `size` bytes; `least`: what it had in
 * 1.0. */
static int take_struct(struct berth_job *job, const char *call, const void *given, size_t least, void *to,
                       size_t size)
{
    if (!given)
        return mistake(job, call, "the argument is NULL");
    size_t struct_size = *(const size_t *)given;
    if (struct_size < least)
        return mistake(job, call, "struct_size is %zu; at least %zu is expected", struct_size, least);
    abi_copy(to, size, given);
    return 0;
}

static int call_report(struct berth_job *job, const struct berth_diagnostic *given)
{
    struct berth_diagnostic diagnostic = {0};
    if (check_call(job, "report", STAGE(VALIDATE) | STAGE(PACKAGE)) < 0 ||
        take_struct(job, "report", given, ABI_DIAGNOSTIC_LEAST, &diagnostic, sizeof(diagnostic)) < 0)
        return -1;
    if (diagnostic.severity < BERTH_SEVERITY_ERROR || diagnostic.severity > BERTH_SEVERITY_NOTE)
        return mistake(job, "report", "severity is %d; 1 to 3 is expected", (int)diagnostic.severity);
    if (!diagnostic.message || !*diagnostic.message)
        return mistake(job, "report", "the message is empty");
    if (diagnostic.file && !package_path_valid(diagnostic.file))
        return mistake(job, "report", "the file \"%.200s\" is not a path relative to the function's folder",
                       diagnostic.file);
    job_report(job, &diagnostic);
    return 0;
}

static bool has_alias(const char *const *aliases, const char *name)
{
    for (; aliases && *aliases; aliases++) {
        if (strcmp(*aliases, name) == 0)
            return true;
    }
    return false;
}

static const char *call_option(struct berth_job *job, const char *name)
{
    unsigned stages =
        STAGE(VALIDATE) | STAGE(PACKAGE) | STAGE(LAUNCH) | STAGE(SCAFFOLD); /* all but loading */
    if (check_call(job, "option", stages) < 0)
        return NULL;
    if (!name) {
        mistake(job, "option", "the name is NULL");
        return NULL;
    }
    for (size_t i = 0; i < job->plugin.option_count; i++) {
        const struct berth_option option = abi_option(&job->plugin, i);
        if (strcmp(option.name, name) != 0 && !has_alias(option.aliases, name))
            continue;
        const json_t *given = json_object_get(job->request, "options");
        const char *value = json_string_value(json_object_get(given, option.name));
        return value ? value : option.default_value;
    }
    return NULL;
}

/* Turns what the package writer refused into the job's error: bad arguments are the plugin's mistake, the
 * rest lies with the function's files or the disk. */
static int writer_failed(struct berth_job *job, const char *call, const struct error *err)
{
    if (err->code == ERROR_BAD_PATH || err->code == ERROR_BAD_SOURCE || err->code == ERROR_EXISTS)
        return mistake(job, call, "%s", err->message);
    struct error named = *err;
    error_prefix(&named, "%s", call);
    return job_fail(job, &named);
}

static int call_add_file(struct berth_job *job, const char *path, const void *bytes, size_t size,
                         int executable)
{
    if (check_call(job, "add_file", STAGE(PACKAGE) | STAGE(SCAFFOLD)) < 0)
        return -1;
    if (!bytes && size > 0)
        return mistake(job, "add_file", "the bytes are NULL");
    struct error err;
    if (package_sink_add_file(&job->sink, path, bytes, size, executable != 0, &err) < 0)
        return writer_failed(job, "add_file", &err);
    return 0;
}

/* The part of `path` below the function's folder; NULL when it is elsewhere. */
static const char *in_folder(const struct berth_job *job, const char *path)
{
    const char *folder = job->function.folder;
    size_t length = folder ? strlen(folder) : 0;
    if (length == 0 || strncmp(path, folder, length) != 0 || path[length] != '/')
        return NULL;
    return path + length + 1;
}

static void report_path(struct berth_job *job, enum berth_severity severity, const char *path,
                        const char *message, const char *hint)
{
    const struct berth_diagnostic diagnostic = {.struct_size = sizeof(diagnostic),
                                                .severity = severity,
                                                .file = in_folder(job, path),
                                                .message = message,
                                                .hint = hint};
    job_report(job, &diagnostic);
}

/* A package_skipped_fn: a warning among the findings. */
static void on_skipped(void *context, const char *path, const char *why)
{
    struct berth_job *job = context;
    const char *name = in_folder(job, path);
    cleanup_free char *message = xasprintf("%s is left out of the package: %s", name ? name : path, why);
    report_path(job, BERTH_SEVERITY_WARNING, path, message, NULL);
}

static int add_folder(struct berth_job *job, const char *call, const struct package_folder *folder)
{
    struct error err;
    cleanup_free char *culprit = NULL;
    if (package_folder_add(&job->sink, folder, &culprit, &err) == 0)
        return 0;
    if (culprit)
        report_path(job, BERTH_SEVERITY_ERROR, culprit, err.message, err.hint);
    return writer_failed(job, call, &err);
}

static int call_add_folder(struct berth_job *job, const char *path, const char *source,
                           const char *const *exclude)
{
    if (check_call(job, "add_folder", STAGE(PACKAGE)) < 0)
        return -1;
    const struct package_folder folder = {
        .path = path, .source = source, .exclude = exclude, .skipped = on_skipped, .context = job};
    return add_folder(job, "add_folder", &folder);
}

/* The rules of the folder; NULL when there are none. -1: what is wrong with them is reported. */
static int read_ignore_rules(struct berth_job *job, const char *source, struct ignore_rules **ret_rules)
{
    cleanup_free char *path = xasprintf("%s/" IGNORE_FILE, source);
    cleanup_free char *text = NULL;
    const char *problem = NULL;
    size_t size;
    unsigned line = 0;
    struct error err;
    if (fs_read_file(path, IGNORE_FILE_MAX, &text, &size, &err) < 0) {
        if (err.code == ERROR_NOT_FOUND)
            return 0;
        problem = err.message;
    } else if (ignore_rules_read(text, size, ret_rules, &line, &problem) == 0) {
        return 0;
    }
    const struct berth_diagnostic diagnostic = {.struct_size = sizeof(diagnostic),
                                                .severity = BERTH_SEVERITY_ERROR,
                                                .file = IGNORE_FILE,
                                                .line = line,
                                                .message = problem};
    job_report(job, &diagnostic);
    return -1;
}

static int call_add_build_context(struct berth_job *job, const char *source, const char *dockerfile)
{
    const char *call = "add_build_context";
    if (check_call(job, call, STAGE(PACKAGE)) < 0)
        return -1;
    if (!source || *source != '/' || !package_path_valid(dockerfile))
        return mistake(job, call, "an absolute path and one in the package are expected");
    struct ignore_rules *rules = NULL;
    if (read_ignore_rules(job, source, &rules) < 0)
        return -1;
    const struct package_folder folder = {.path = "",
                                          .source = source,
                                          .ignore = rules,
                                          .keep = (const char *const[]){IGNORE_FILE, dockerfile, NULL},
                                          .skipped = on_skipped,
                                          .context = job};
    int rc = add_folder(job, call, &folder);
    ignore_rules_destroy(rules);
    return rc;
}

/* Checks an array of texts that NULL ends. */
static int check_texts(struct berth_job *job, const char *call, const char *what, const char *const *texts)
{
    for (size_t i = 0; texts && texts[i]; i++) {
        if (i == ENVIRONMENT_MAX)
            return mistake(job, call, "%s has more than %d entries", what, ENVIRONMENT_MAX);
        if (strnlen(texts[i], TEXT_BYTES_MAX) == TEXT_BYTES_MAX)
            return mistake(job, call, "an entry of %s is longer than %d bytes", what, TEXT_BYTES_MAX - 1);
    }
    return 0;
}

static int check_environment(struct berth_job *job, const char *call, const char *const *environment)
{
    if (check_texts(job, call, "the environment", environment) < 0)
        return -1;
    for (; environment && *environment; environment++) {
        size_t name = strcspn(*environment, "=");
        if (name == 0 || (*environment)[name] != '=')
            return mistake(job, call, "the environment's entry \"%.100s\" is not NAME=value", *environment);
    }
    return 0;
}

static int check_dependencies(struct berth_job *job, const char *call,
                              const struct berth_dependencies *dependencies)
{
    if (!dependencies->key || !*dependencies->key ||
        strnlen(dependencies->key, TEXT_BYTES_MAX) == TEXT_BYTES_MAX)
        return mistake(job, call, "the key is empty or longer than %d bytes", TEXT_BYTES_MAX - 1);
    if (!dependencies->argv || !dependencies->argv[0] || !*dependencies->argv[0])
        return mistake(job, call, "argv is empty");
    if (check_texts(job, call, "argv", dependencies->argv) < 0 ||
        check_texts(job, call, "reads", dependencies->reads) < 0)
        return -1;
    for (const char *const *path = dependencies->reads; path && *path; path++) {
        if (strcmp(*path, ".") != 0 && !package_path_valid(*path))
            return mistake(job, call, "what it reads, \"%.200s\", is not a path in the package", *path);
    }
    return check_environment(job, call, dependencies->environment);
}

static int call_set_dependencies(struct berth_job *job, const struct berth_dependencies *given)
{
    const char *call = "set_dependencies";
    struct berth_dependencies dependencies = {0};
    if (check_call(job, call, STAGE(PACKAGE)) < 0 ||
        take_struct(job, call, given, ABI_DEPENDENCIES_LEAST, &dependencies, sizeof(dependencies)) < 0)
        return -1;
    if (job->dependencies)
        return mistake(job, call, "it was called before");
    if (check_dependencies(job, call, &dependencies) < 0)
        return -1;
    json_t *json = json_object();
    json_object_set_new(json, "key", plugin_text(dependencies.key));
    json_object_set_new(json, "argv", plugin_texts(dependencies.argv));
    json_object_set_new(json, "environment", plugin_texts(dependencies.environment));
    job->dependencies = json;
    job->reads = dependencies.reads ? plugin_texts(dependencies.reads) : NULL;
    return 0;
}

/* A path as it stands in a request. */
static bool is_ready_path(const char *path)
{
    size_t length = strnlen(path, READY_PATH_MAX + 1);
    if (length > READY_PATH_MAX || path[0] != '/')
        return false;
    return strspn(path, PATH_CHARACTERS) == length;
}

static int check_transport(struct berth_job *job, const char *call, const struct berth_launch *launch)
{
    if (launch->transport != BERTH_TRANSPORT_DIAL_HOME && launch->transport != BERTH_TRANSPORT_TCP)
        return mistake(job, call, "transport is %d; 1 or 2 is expected", (int)launch->transport);
    if (launch->transport == BERTH_TRANSPORT_TCP && launch->port == 0)
        return mistake(job, call, "transport is TCP and the port is 0");
    if (launch->transport != BERTH_TRANSPORT_TCP && launch->ready_path)
        return mistake(job, call, "ready_path is for TCP alone");
    if (launch->ready_path && !is_ready_path(launch->ready_path))
        return mistake(job, call, "ready_path \"%.100s\" is not a path of a request, of at most %d bytes",
                       launch->ready_path, READY_PATH_MAX);
    return 0;
}

/* Checks everything of a launch but its runtime. */
static int check_launch(struct berth_job *job, const char *call, const struct berth_launch *launch)
{
    if (launch->image && !*launch->image)
        return mistake(job, call, "the image is empty; NULL means the runtime image");
    if (launch->dockerfile && (launch->image || !package_path_valid(launch->dockerfile)))
        return mistake(job, call,
                       "dockerfile \"%.100s\" is no path in the package, or there is an image, too",
                       launch->dockerfile);
    if (launch->command && (!launch->command[0] || !*launch->command[0]))
        return mistake(job, call, "the command is empty; NULL means the image's own");
    if (check_texts(job, call, "the command", launch->command) < 0 ||
        check_environment(job, call, launch->environment) < 0)
        return -1;
    if (launch->concurrency < 1 || launch->concurrency > CONCURRENCY_MAX)
        return mistake(job, call, "concurrency is %u; 1 to %d is expected", launch->concurrency,
                       CONCURRENCY_MAX);
    return check_transport(job, call, launch);
}

/* The runtime as an object, an empty one for NULL; NULL after a mistake. */
static json_t *parse_runtime(struct berth_job *job, const char *call, const char *text)
{
    if (!text)
        return json_object();
    size_t size = strnlen(text, RUNTIME_MAX + 1);
    json_error_t why;
    json_t *json = size > RUNTIME_MAX ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(json))
        return json;
    if (size > RUNTIME_MAX)
        mistake(job, call, "runtime is longer than %d bytes", RUNTIME_MAX);
    else
        mistake(job, call, "runtime is not a JSON object: %s", json ? "it is of another type" : why.text);
    json_decref(json);
    return NULL;
}

static int call_set_launch(struct berth_job *job, const struct berth_launch *given)
{
    const char *call = "set_launch";
    struct berth_launch launch = {0};
    if (check_call(job, call, STAGE(LAUNCH)) < 0 ||
        take_struct(job, call, given, ABI_LAUNCH_LEAST, &launch, sizeof(launch)) < 0)
        return -1;
    if (job->launch)
        return mistake(job, call, "it was called before");
    if (check_launch(job, call, &launch) < 0)
        return -1;
    json_t *runtime = parse_runtime(job, call, launch.runtime);
    if (!runtime)
        return -1;
    json_t *json = json_object();
    json_object_set_new(json, "image", plugin_text(launch.image));
    json_object_set_new(json, "dockerfile", plugin_text(launch.dockerfile));
    json_object_set_new(json, "command", plugin_texts(launch.command));
    json_object_set_new(json, "environment", plugin_texts(launch.environment));
    json_object_set_new(json, "concurrency", json_integer(launch.concurrency));
    json_object_set_new(json, "transport", json_integer(launch.transport));
    json_object_set_new(json, "port", json_integer(launch.port));
    json_object_set_new(json, "ready_path", plugin_text(launch.ready_path));
    json_object_set_new(json, "runtime", runtime);
    job->launch = json;
    return 0;
}

const struct berth_host *host_calls_init(struct berth_job *job)
{
    static const struct berth_host host = {
        .struct_size = sizeof(host),
        .abi_minor = BERTH_ABI_MINOR,
        .report = call_report,
        .option = call_option,
        .add_file = call_add_file,
        .add_folder = call_add_folder,
        .set_dependencies = call_set_dependencies,
        .set_launch = call_set_launch,
        .add_build_context = call_add_build_context,
    };
    the_job = job;
    return &host;
}
