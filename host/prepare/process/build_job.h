/*
 * Build jobs: each a short-lived child process, berth-build-job, the only place where plugin code runs. At
 * most `parallel` run at once; those that wait are taken round robin over the functions they are about, so
 * that one function's builds never delay another's. Probes wait for nobody and have
 * 5 s at most: a plugin that hangs delays no other's.
 *
 * A plugin that crashes, hangs or talks nonsense fails its job with a clear error and costs nothing else. Its
 * code is confined (job/confine.h), and nothing that it started outlives the job or the daemon. What this
 * machine cannot do to confine it is logged once.
 *
 * Control thread only. SIGCHLD must not be ignored; children are watched with pidfds and only these are
 * reaped.
 */
#ifndef PREPARE_PROCESS_BUILD_JOB_H
#define PREPARE_PROCESS_BUILD_JOB_H

#include "base/background.h"
#include "base/error.h"
#include "config/registry.h"
#include "prepare/process/build_result.h"

#include <stdbool.h>
#include <stddef.h>

#define BUILD_OUTPUT_MAX (1u << 20) /* bytes a plugin may write to standard output and error */
#define BUILD_REPLY_MAX  (8u << 20) /* bytes of a job's result */

struct event_base;
struct build_jobs;
struct build_job;

enum build_operation {
    BUILD_PROBE = 1, /* load the plugin, check its description: result->plugin */
    BUILD_PACKAGE, /* validate, package, launch: result->package, dependencies, launch */
    BUILD_VALIDATE, /* validate alone: result->diagnostics */
    BUILD_SCAFFOLD, /* write the files of a new function into `folder`, which must not exist or be empty */
    BUILD_REPEAT, /* as BUILD_PACKAGE, `cycles` times in one process: result->growth too */
};

/* Everything is copied by build_jobs_submit. */
struct build_request {
    enum build_operation operation;
    const char *plugin; /* path of the shared object */
    const char *language; /* the name the plugin was probed with; NULL: not compared */
    const char *function; /* the function's name; NULL for a probe */
    const char *folder; /* absolute, without symbolic links; NULL for a probe */
    const char *file; /* entry file relative to folder, or NULL */
    const char *base; /* the release that it runs on, or NULL */
    const char *dependencies; /* absolute folder of those that validate sees, or NULL */
    const struct text_pair *options; /* as in function_settings */
    size_t option_count;
    unsigned cycles; /* of BUILD_REPEAT */
    bool writable; /* whoever tests a plugin: it may write to `folder`, so that it shows whether it does */
};

struct build_jobs_options {
    const char *program; /* path of berth-build-job */
    const char *staging_dir; /* absolute, exists: packages are put below it; see package_store_staging */
    unsigned parallel; /* 0: one per core */
    unsigned timeout_ms; /* of one job from its start; 0: 60000 */
    struct background *background; /* removes what failed jobs leave; NULL: it is removed at once */
};

/* `result` is owned by the receiver (build_result_destroy). */
typedef void build_done_fn(void *context, struct build_result *result);

/* Makes an empty queue on `base`. The options are copied. */
int build_jobs_create(struct event_base *base, const struct build_jobs_options *options,
                      struct build_jobs **ret_jobs, struct error *err);

/* Kills what runs, forgets what waits (no callback is called) and removes what they had staged. Not from a
 * callback. NULL is fine. */
void build_jobs_destroy(struct build_jobs *jobs);

/* The event base it runs on. */
struct event_base *build_jobs_base(const struct build_jobs *jobs);

/* The time limit of jobs started from now on. */
void build_jobs_set_timeout(struct build_jobs *jobs, unsigned timeout_ms);

/* Adds a job to the queue. `done` is called exactly once, from the event loop and never from inside this
 * call, unless the job is cancelled; the handle is gone when it is called. Never NULL. */
struct build_job *build_jobs_submit(struct build_jobs *jobs, const struct build_request *request,
                                    build_done_fn *done, void *context);

/* Ends a job silently. NULL is fine. */
void build_job_cancel(struct build_job *job);

/* Whether it waits for others to end. */
bool build_job_waits(const struct build_job *job);

#endif
