/*
 * The state of one build job in the process that loads the plugin, which serves exactly one request. This is
 * the `struct berth_job` that plugins pass back to every host call.
 */
#ifndef PREPARE_JOB_JOB_H
#define PREPARE_JOB_JOB_H

#include "base/error.h"
#include "prepare/job/package_sink.h"
#include "prepare/job/reply.h"

#include <berth/plugin.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the plugin's code is running. Told to the parent each time it changes, so that a crash has a name. */
enum job_stage {
    JOB_HOST = 0,
    JOB_LOAD,
    JOB_ENTRY,
    JOB_VALIDATE,
    JOB_PACKAGE,
    JOB_LAUNCH,
    JOB_SCAFFOLD,
};

struct berth_job {
    const struct reply *reply;
    const json_t *request;
    struct berth_plugin plugin; /* checked; zero before */
    enum job_stage stage;
    struct berth_function function;
    struct package_sink sink; /* where the job's files go */
    json_t *diagnostics;
    size_t errors; /* among the diagnostics */
    json_t *dependencies, *launch;
    json_t *reads; /* paths whose contents the dependencies depend on, or NULL */
    bool failed; /* `error` holds the first mistake made in a host call */
    struct error error;
};

/* "validate", ... for messages; "the host" outside of callbacks. */
const char *job_stage_name(enum job_stage stage);

void job_enter(struct berth_job *job, enum job_stage stage);

/* A member of the request as text, or NULL. */
const char *job_text(const struct berth_job *job, const char *member);

/* Adds a finding about `file` (relative to the function's folder, or NULL). After 1000 further ones are
 * dropped. The struct is this host's own. */
void job_report(struct berth_job *job, const struct berth_diagnostic *diagnostic);

/* Forgets what the plugin has said, for another round of its callbacks. */
void job_reset(struct berth_job *job);

/* Records the first failure of a host call; later ones are dropped. Returns -1. */
int job_fail(struct berth_job *job, const struct error *err);

#endif
