/*
 * Calls by the clock: looks at every schedule of the plan when one of its times has come, and puts the call
 * of each run into the store, with what becomes of the schedule, in one turn.
 */
#ifndef CALLS_SCHEDULER_H
#define CALLS_SCHEDULER_H

#include "calls/calls_env.h"

struct deliveries;
struct scheduler;

/* Borrows both. */
struct scheduler *scheduler_create(struct calls_env *env, struct deliveries *deliveries);

/* NULL is fine. */
void scheduler_destroy(struct scheduler *scheduler);

/* The plan is another: schedules have come, have changed or have gone. */
void scheduler_plan_changed(struct scheduler *scheduler);

/* Looks at what waits for the end of a run when one has ended (calls_env.run_ended). Before the turn's end.
 */
void scheduler_go_on(struct scheduler *scheduler);

/* Begins no run any more. */
void scheduler_stop(struct scheduler *scheduler);

#endif
