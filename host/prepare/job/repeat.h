/* The same work many times in one process, and what that process has more afterwards. */
#ifndef PREPARE_JOB_REPEAT_H
#define PREPARE_JOB_REPEAT_H

#include "base/error.h"

#include <jansson.h>

typedef int repeat_cycle_fn(void *context, struct error *err);

/* Runs `cycle` so many times, or until it fails. *ret_growth is {"cycles", "heap_bytes", "resident_bytes",
 * "files"}: what there is more at the end than after the first quarter, when all that is made once is made.
 * The caller owns it. */
int repeat_cycles(unsigned cycles, repeat_cycle_fn *cycle, void *context, json_t **ret_growth,
                  struct error *err);

#endif
