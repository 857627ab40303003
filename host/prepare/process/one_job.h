/* One build job for a command that waits for it and has nothing else to do. */
#ifndef PREPARE_PROCESS_ONE_JOB_H
#define PREPARE_PROCESS_ONE_JOB_H

#include "prepare/process/build_job.h"

/* Runs the job as the daemon does, in a process of its own. `staging_dir` is where a package is put.
 * The caller frees the result (build_result_destroy), and what a package has staged. Never NULL. */
struct build_result *one_job_run(const struct build_jobs_options *options,
                                 const struct build_request *request);

#endif
