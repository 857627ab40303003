/* In the place of prepare/process/build_job.c: jobs that know two languages, "dialling" and "serving", and
 * take a function's file as it is for its package. A file that begins with "mistake" is one. */
#include "prepare/process/build_job.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "files.h"
#include "prepare/store/tree.h"
#include "sim.h"
#include "trace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

struct build_jobs {
    struct event_base *base;
    char *staging_dir;
    unsigned numbers;
    TAILQ_HEAD(, build_job) jobs;
};

struct build_job {
    TAILQ_ENTRY(build_job) link;
    struct build_jobs *jobs;
    enum build_operation operation;
    char *plugin, *function, *folder;
    build_done_fn *done;
    void *context;
    struct agenda_item *end;
};

static bool serves(const struct build_job *job)
{
    return strstr(job->plugin, "/" SERVING ".so") != NULL;
}

static struct build_result *fail(enum error_code code, const char *message)
{
    struct error err;
    error_set(&err, code, "%s", message);
    return build_result_failed(&err);
}

static struct build_result *make_good(void)
{
    struct build_result *result = xcalloc(1, sizeof(*result));
    result->ok = true;
    result->output = xstrdup("");
    return result;
}

static struct build_result *probe(const struct build_job *job)
{
    struct build_result *result = make_good();
    result->plugin = xcalloc(1, sizeof(*result->plugin));
    result->plugin->version = xstrdup("1");
    result->plugin->abi_major = 1;
    result->plugin->language.name = xstrdup(serves(job) ? SERVING : DIALLING);
    return result;
}

static struct build_launch *make_launch(const struct build_job *job)
{
    static const char *const command[] = {"/run", NULL}, *const environment[] = {NULL};
    struct build_launch *launch = xcalloc(1, sizeof(*launch));
    *launch = (struct build_launch){.command = texts_copy(command),
                                    .environment = texts_copy(environment),
                                    .concurrency = 2,
                                    .transport = serves(job) ? BUILD_TCP : BUILD_DIAL_HOME,
                                    .port = serves(job) ? 8000 : 0,
                                    .runtime = xstrdup("{}")};
    return launch;
}

/* The folder has one file. */
static void stage(struct build_job *job, const char *text, struct build_result *result)
{
    const struct timespec times[2] = {{.tv_sec = TREE_MTIME_S}, {.tv_sec = TREE_MTIME_S}};
    struct build_package *package = &result->package;
    struct tree_size size;
    struct error err;
    package->staged = xasprintf("%s/%u", job->jobs->staging_dir, ++job->jobs->numbers);
    cleanup_free char *file = xasprintf("%s/" CODE_FILE, package->staged);
    if (fs_make_dirs(package->staged, 0755, &err) < 0 ||
        fs_write_file(file, text, strlen(text), 0644, &err) < 0 || utimensat(AT_FDCWD, file, times, 0) < 0 ||
        utimensat(AT_FDCWD, package->staged, times, 0) < 0 ||
        tree_digest(package->staged, package->digest, &size, &err) < 0)
        trace_violation("a package cannot be staged");
    package->bytes = size.bytes;
    package->files = size.files;
}

static struct build_result *build(struct build_job *job)
{
    if (chance_in_1000(&sim.chance, sim.weather.bad_build)) {
        trace_fault(FAULT_BUILDS, "the build of %s fails", job->function);
        return fail(ERROR_PLUGIN_CRASHED, "the plugin has crashed");
    }
    cleanup_free char *file = xasprintf("%s/" CODE_FILE, job->folder);
    cleanup_free char *text = files_read(file);
    if (!text || strncmp(text, "mistake", strlen("mistake")) == 0)
        return fail(ERROR_INVALID_FUNCTION, "the function has a mistake");
    struct build_result *result = make_good();
    result->launch = make_launch(job);
    stage(job, text, result);
    return result;
}

static void job_free(struct build_job *job)
{
    TAILQ_REMOVE(&job->jobs->jobs, job, link);
    free(job->plugin);
    free(job->function);
    free(job->folder);
    free(job);
}

static void on_end(void *context)
{
    struct build_job *job = context;
    build_done_fn *done = job->done;
    void *owner = job->context;
    sim.totals->builds++;
    struct build_result *result = job->operation == BUILD_PROBE ? probe(job) : build(job);
    job_free(job);
    done(owner, result);
}

int build_jobs_create(struct event_base *base, const struct build_jobs_options *options,
                      struct build_jobs **ret_jobs, struct error *err)
{
    (void)err;
    struct build_jobs *jobs = xcalloc(1, sizeof(*jobs));
    jobs->base = base;
    jobs->staging_dir = xstrdup(options->staging_dir);
    TAILQ_INIT(&jobs->jobs);
    *ret_jobs = jobs;
    return 0;
}

void build_jobs_destroy(struct build_jobs *jobs)
{
    if (!jobs)
        return;
    while (!TAILQ_EMPTY(&jobs->jobs))
        build_job_cancel(TAILQ_FIRST(&jobs->jobs));
    free(jobs->staging_dir);
    free(jobs);
}

struct event_base *build_jobs_base(const struct build_jobs *jobs)
{
    return jobs->base;
}

void build_jobs_set_timeout(struct build_jobs *jobs, unsigned timeout_ms)
{
    (void)jobs, (void)timeout_ms;
}

struct build_job *build_jobs_submit(struct build_jobs *jobs, const struct build_request *request,
                                    build_done_fn *done, void *context)
{
    struct build_job *job = xcalloc(1, sizeof(*job));
    *job = (struct build_job){.jobs = jobs,
                              .operation = request->operation,
                              .plugin = xstrdup(request->plugin),
                              .function = xstrdup(request->function ? request->function : ""),
                              .folder = xstrdup(request->folder ? request->folder : ""),
                              .done = done,
                              .context = context};
    TAILQ_INSERT_TAIL(&jobs->jobs, job, link);
    job->end = agenda_add_daemons(
        chance_skewed(&sim.chance, 1, request->operation == BUILD_PROBE ? 50 : 3000), on_end, job);
    return job;
}

void build_job_cancel(struct build_job *job)
{
    if (!job)
        return;
    agenda_strike(job->end);
    job_free(job);
}

bool build_job_waits(const struct build_job *job)
{
    (void)job;
    return false;
}
