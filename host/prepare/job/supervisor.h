/* The trusted process of a job: starts the confined one, writes its files, ends it, cleans up after it. */
#ifndef PREPARE_JOB_SUPERVISOR_H
#define PREPARE_JOB_SUPERVISOR_H

#include "prepare/job/reply.h"

#include <jansson.h>

/* Runs the job from its start to its end, and ends the process. SIGTERM, which also comes when the daemon
 * dies, ends the job at once; when this process ends, every process of the job has. */
_Noreturn void supervise(const json_t *request, const struct reply *reply);

#endif
