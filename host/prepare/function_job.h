/* A build job about a function: `berthd --check` and a deployment find the same, because both ask here.
 * Control thread only. */
#ifndef PREPARE_FUNCTION_JOB_H
#define PREPARE_FUNCTION_JOB_H

#include "prepare/plugins.h"
#include "prepare/process/build_job.h"

/* Submits a job of `plugin`: BUILD_PACKAGE or BUILD_VALIDATE. `dependencies` is the absolute folder of those
 * that validate sees, or NULL. Everything is copied; build_jobs_submit() says the rest. */
struct build_job *function_job_submit(struct build_jobs *jobs, const struct plugin *plugin,
                                      const struct function_settings *settings,
                                      enum build_operation operation, const char *dependencies,
                                      build_done_fn *done, void *context);

/* Moves what the job has found to the end of `findings`, with its place in the registry at `path` where it
 * names no file. A failure that no finding tells of becomes one. */
void function_job_findings(const struct function_settings *settings, const char *path,
                           struct build_result *result, struct diagnostics *findings);

#endif
