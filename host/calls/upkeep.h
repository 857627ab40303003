/* What is done to kept calls from time to time: those that have ended are forgotten, those that nobody takes
 * any more are given up. */
#ifndef CALLS_UPKEEP_H
#define CALLS_UPKEEP_H

#include "calls/calls_env.h"

struct upkeep;

/* Borrows `env`. */
struct upkeep *upkeep_create(struct calls_env *env);

/* NULL is fine. */
void upkeep_destroy(struct upkeep *upkeep);

#endif
