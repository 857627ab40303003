/* What the host offers a plugin during a job: the table `struct berth_host` of the plugin ABI. */
#ifndef PREPARE_JOB_HOST_CALLS_H
#define PREPARE_JOB_HOST_CALLS_H

#include "prepare/job/job.h"

#define ENVIRONMENT_MAX 256 /* entries of an environment or a command */

/* The table; it accepts calls only for `job`. Static. */
const struct berth_host *host_calls_init(struct berth_job *job);

#endif
