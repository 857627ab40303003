#include "prepare/process/build_job.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/redact.h"
#include "base/strbuf.h"
#include "prepare/process/build_process.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 60000
#define PROBE_TIMEOUT_MS   5000 /* at most: a probe only loads the plugin and asks for its description */
#define LACKS_MAX          2048

static const char *const operation_names[] = {
    [BUILD_PROBE] = "probe",       [BUILD_PACKAGE] = "package", [BUILD_VALIDATE] = "validate",
    [BUILD_SCAFFOLD] = "scaffold", [BUILD_REPEAT] = "repeat",
};

/* Waiting in its lane, then running with a process. */
struct build_job {
    struct build_jobs *jobs;
    struct lane *lane; /* NULL once it runs */
    enum build_operation operation;
    char *function, *folder;
    char *output; /* where the child puts files, or NULL */
    char *plugin_file; /* its name */
    char *request; /* JSON: text takes a fifth of a tree, and many may wait */
    struct build_process *process;
    bool cancelled; /* it runs, but nobody waits for it */
    uint64_t started_ms;
    build_done_fn *done;
    void *context;
    TAILQ_ENTRY(build_job) link;
};

/* The waiting jobs about one function. */
struct lane {
    char *name;
    bool of_probes; /* they wait for nobody: one plugin that hangs must not hold up another's probe */
    TAILQ_HEAD(, build_job) waiting;
    TAILQ_ENTRY(lane) link;
};

struct build_jobs {
    struct event_base *base;
    char *program, *staging_dir;
    unsigned parallel, timeout_ms;
    struct background *background;
    struct event *pump; /* activated when there may be something to start */
    TAILQ_HEAD(, lane) lanes; /* the first is served next and then becomes the last */
    TAILQ_HEAD(, build_job) running;
    size_t running_count; /* without probes */
    bool lacks_told;
};

static void discard_output(const struct build_job *job)
{
    if (!job->output)
        return;
    struct error err;
    if (job->jobs->background)
        background_remove_tree(job->jobs->background, job->output);
    else if (fs_remove_tree(job->output, &err) < 0)
        log_warning("build.remove_failed", LOG_ERR(&err));
}

static void job_free(struct build_job *job)
{
    free(job->plugin_file);
    free(job->request);
    free(job->function);
    free(job->folder);
    free(job->output);
    free(job);
}

/* Moves what was made beside a new function's folder to its place. */
static int place_scaffold(const struct build_job *job, struct error *err)
{
    if (rename(job->output, job->folder) == 0)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return error_set_in(err, COMPONENT_BUILD, ERROR_EXISTS, "%s exists already", job->folder);
    return error_errno(err, COMPONENT_BUILD, errno, "cannot create the folder %s", job->folder);
}

static bool makes_package(enum build_operation operation)
{
    return operation == BUILD_PACKAGE || operation == BUILD_REPEAT;
}

/* A result must hold what its operation makes. */
static int check_parts(const struct build_job *job, const struct build_result *result, struct error *err)
{
    if (!result->ok)
        return 0;
    if (job->operation == BUILD_SCAFFOLD)
        return place_scaffold(job, err);
    bool complete = job->operation == BUILD_VALIDATE || (job->operation == BUILD_PROBE && result->plugin) ||
                    (makes_package(job->operation) && result->package.staged && result->launch);
    return complete ? 0 : error_set(err, ERROR_PLUGIN_PROTOCOL, "the job's result is incomplete");
}

static struct build_result *make_result(const struct build_job *job, const json_t *json,
                                        const struct error *failure)
{
    if (!json)
        return build_result_failed(failure);
    const struct build_subject subject = {
        .function = job->function, .folder = job->folder, .staged = job->output};
    struct build_result *result;
    struct error err;
    if (build_result_parse(json, &subject, &result, &err) < 0)
        return build_result_failed(&err);
    if (check_parts(job, result, &err) < 0) {
        build_result_destroy(result);
        return build_result_failed(&err);
    }
    return result;
}

/* The end of a job that had been taken out of its list. */
static void finish(struct build_job *job, struct build_result *result)
{
    if (!result->ok)
        discard_output(job);
    if (!result->ok && result->error.component == COMPONENT_PLUGIN)
        error_prefix(&result->error, "%s", job->plugin_file);
    log_debug("build.job", LOG_STR("operation", operation_names[job->operation]),
              LOG_STR("function", job->function), LOG_INT("ms", clock_ms() - job->started_ms),
              LOG_STR("reason", result->ok ? NULL : error_code_slug(result->error.code)));
    build_done_fn *done = job->done;
    void *context = job->context;
    job_free(job);
    done(context, result);
}

static void wake(struct build_jobs *jobs)
{
    event_active(jobs->pump, EV_TIMEOUT, 0);
}

/* What this machine cannot do is told once: it is the same for every job. */
static void tell_lacks(struct build_jobs *jobs, const json_t *lacks)
{
    if (jobs->lacks_told || json_array_size(lacks) == 0)
        return;
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, LACKS_MAX);
    for (size_t i = 0; i < json_array_size(lacks); i++)
        strbuf_append_format(&text, "%s%s", i > 0 ? "; " : "", json_string_value(json_array_get(lacks, i)));
    log_warning("plugins.not_confined", LOG_STR("missing", strbuf_text(&text)),
                LOG_STR("hint", "plugins can do more here than they should; see docs/plugin-guide.md"));
    jobs->lacks_told = true;
}

static void on_process_done(void *context, const struct build_process_end *end)
{
    struct build_job *job = context;
    struct build_jobs *jobs = job->jobs;
    tell_lacks(jobs, end->lacks);
    TAILQ_REMOVE(&jobs->running, job, link);
    jobs->running_count -= job->operation != BUILD_PROBE;
    wake(jobs);
    if (job->cancelled) {
        discard_output(job);
        job_free(job);
        return;
    }
    struct build_result *result = make_result(job, end->result, end->err);
    free(result->output);
    result->output = xstrdup(end->output);
    redact_urls(result->output);
    finish(job, result);
}

static struct lane *find_lane(struct build_jobs *jobs, const char *name, bool of_probes)
{
    struct lane *lane;
    TAILQ_FOREACH(lane, &jobs->lanes, link)
    {
        if (strcmp(lane->name, name) == 0)
            return lane;
    }
    lane = xcalloc(1, sizeof(*lane));
    TAILQ_INIT(&lane->waiting);
    lane->name = xstrdup(name);
    lane->of_probes = of_probes;
    if (of_probes)
        TAILQ_INSERT_HEAD(&jobs->lanes, lane, link);
    else
        TAILQ_INSERT_TAIL(&jobs->lanes, lane, link);
    return lane;
}

static void lane_free(struct lane *lane)
{
    free(lane->name);
    free(lane);
}

static void leave_lane(struct build_job *job)
{
    struct build_jobs *jobs = job->jobs;
    struct lane *lane = job->lane;
    TAILQ_REMOVE(&lane->waiting, job, link);
    job->lane = NULL;
    if (!TAILQ_EMPTY(&lane->waiting))
        return;
    TAILQ_REMOVE(&jobs->lanes, lane, link);
    lane_free(lane);
}

/* The oldest job of the lane whose turn it is, which is the last then. */
static struct build_job *take_next(struct build_jobs *jobs)
{
    struct lane *lane = queue_take_first(&jobs->lanes, link);
    struct build_job *job = queue_take_first(&lane->waiting, link);
    job->lane = NULL;
    if (TAILQ_EMPTY(&lane->waiting))
        lane_free(lane);
    else
        TAILQ_INSERT_TAIL(&jobs->lanes, lane, link);
    return job;
}

static void start_job(struct build_job *job)
{
    struct build_jobs *jobs = job->jobs;
    struct error err;
    bool is_probe = job->operation == BUILD_PROBE;
    unsigned timeout_ms =
        is_probe && jobs->timeout_ms > PROBE_TIMEOUT_MS ? PROBE_TIMEOUT_MS : jobs->timeout_ms;
    job->started_ms = clock_ms();
    if (build_process_start(jobs->base, jobs->program, job->request, timeout_ms, on_process_done, job,
                            &job->process, &err) < 0) {
        finish(job, build_result_failed(&err));
        return;
    }
    TAILQ_INSERT_TAIL(&jobs->running, job, link);
    jobs->running_count += !is_probe;
}

static void on_pump(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct build_jobs *jobs = context;
    for (struct lane *next; (next = TAILQ_FIRST(&jobs->lanes));) {
        if (!next->of_probes && jobs->running_count >= jobs->parallel)
            return;
        start_job(take_next(jobs));
    }
}

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

int build_jobs_create(struct event_base *base, const struct build_jobs_options *options,
                      struct build_jobs **ret_jobs, struct error *err)
{
    cleanup_free char *program = realpath(options->program, NULL);
    if (!program || access(program, X_OK) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot use the build job program %s",
                           options->program);
    struct build_jobs *jobs = xcalloc(1, sizeof(*jobs));
    *jobs = (struct build_jobs){.base = base,
                                .staging_dir = xstrdup(options->staging_dir),
                                .parallel = options->parallel ? options->parallel : core_count(),
                                .background = options->background};
    TAILQ_INIT(&jobs->lanes);
    TAILQ_INIT(&jobs->running);
    build_jobs_set_timeout(jobs, options->timeout_ms);
    jobs->program = steal(&program);
    jobs->pump = event_new(base, -1, 0, on_pump, jobs);
    if (!jobs->pump) {
        build_jobs_destroy(jobs);
        return error_errno(err, COMPONENT_BUILD, ENOMEM, "cannot watch build jobs");
    }
    *ret_jobs = jobs;
    return 0;
}

void build_jobs_destroy(struct build_jobs *jobs)
{
    if (!jobs)
        return;
    while (!TAILQ_EMPTY(&jobs->lanes))
        job_free(take_next(jobs));
    for (struct build_job *job; (job = queue_take_first(&jobs->running, link));) {
        build_process_destroy(job->process);
        discard_output(job);
        job_free(job);
    }
    if (jobs->pump)
        event_free(jobs->pump);
    free(jobs->program);
    free(jobs->staging_dir);
    free(jobs);
}

struct event_base *build_jobs_base(const struct build_jobs *jobs)
{
    return jobs->base;
}

void build_jobs_set_timeout(struct build_jobs *jobs, unsigned timeout_ms)
{
    jobs->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_DEFAULT_MS;
}

static json_t *options_to_json(const struct build_request *request)
{
    json_t *options = json_object();
    for (size_t i = 0; i < request->option_count; i++)
        json_object_set_new(options, request->options[i].name, json_string(request->options[i].value));
    return options;
}

static void set_text(json_t *object, const char *member, const char *text)
{
    if (text)
        json_object_set_new(object, member, json_string(text));
}

static char *request_to_json(const struct build_request *request, const char *output)
{
    json_t *json = json_object();
    set_text(json, "operation", operation_names[request->operation]);
    set_text(json, "plugin", request->plugin);
    set_text(json, "language", request->language);
    set_text(json, "function", request->function);
    set_text(json, "folder", request->folder);
    set_text(json, "file", request->file);
    set_text(json, "base", request->base);
    set_text(json, "dependencies", request->dependencies);
    set_text(json, "output", output);
    json_object_set_new(json, "options", options_to_json(request));
    json_object_set_new(json, "parent", json_integer(getpid()));
    json_object_set_new(json, "cycles", json_integer(request->cycles));
    json_object_set_new(json, "writable", json_boolean(request->writable));
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static char *file_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return xstrdup(slash ? slash + 1 : "the plugin");
}

/* Where the child puts its files: a package in staging, a new function beside its place, so that it can be
 * moved there. */
static char *output_path(const struct build_jobs *jobs, const struct build_request *request)
{
    char id[17];
    ident_random(id, sizeof(id) - 1);
    if (makes_package(request->operation))
        return xasprintf("%s/%s", jobs->staging_dir, id);
    return request->operation == BUILD_SCAFFOLD ? xasprintf("%s.%s.new", request->folder, id) : NULL;
}

struct build_job *build_jobs_submit(struct build_jobs *jobs, const struct build_request *request,
                                    build_done_fn *done, void *context)
{
    struct build_job *job = xcalloc(1, sizeof(*job));
    *job = (struct build_job){.jobs = jobs,
                              .operation = request->operation,
                              .function = request->function ? xstrdup(request->function) : NULL,
                              .folder = request->folder ? xstrdup(request->folder) : NULL,
                              .output = output_path(jobs, request),
                              .plugin_file = file_name(request->plugin),
                              .done = done,
                              .context = context};
    job->request = request_to_json(request, job->output);
    job->lane = find_lane(jobs, request->function ? request->function : request->plugin,
                          request->operation == BUILD_PROBE);
    TAILQ_INSERT_TAIL(&job->lane->waiting, job, link);
    wake(jobs);
    return job;
}

void build_job_cancel(struct build_job *job)
{
    if (!job)
        return;
    if (job->lane) {
        leave_lane(job);
        job_free(job);
        return;
    }
    job->cancelled = true;
    build_process_kill(job->process);
}

bool build_job_waits(const struct build_job *job)
{
    return job->lane != NULL;
}
