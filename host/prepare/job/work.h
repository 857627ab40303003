/* The job itself: loads the plugin, calls it, says what came of it. In the confined process. */
#ifndef PREPARE_JOB_WORK_H
#define PREPARE_JOB_WORK_H

#include "prepare/job/reply.h"

#include <jansson.h>

/* Does what `request` asks for and ends the process. `socket` leads to who writes the plugin's files. */
_Noreturn void work(const json_t *request, const struct reply *reply, int socket);

#endif
