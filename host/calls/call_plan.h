/*
 * What the settings of the functions say of their calls that are done later, as the calls thread knows it:
 * made anew by the control thread whenever a function comes, changes or goes.
 */
#ifndef CALLS_CALL_PLAN_H
#define CALLS_CALL_PLAN_H

#include "base/locked.h"
#include "config/registry.h"

#include <stddef.h>

struct call_plan;

struct call_plan_function {
    const char *name;
    struct call_settings settings;
    struct function_schedule *schedules;
    size_t schedule_count;
};

struct call_plan *call_plan_create(void);
void call_plan_destroy(struct call_plan *plan);

/* Adds a function whose name the plan does not have yet; all is copied. */
void call_plan_add(struct call_plan *plan, const char *name, const struct call_settings *settings);

/* Gives the function that was added last its schedules, which are copied. */
void call_plan_add_schedules(struct call_plan *plan, const struct function_schedule *schedules, size_t count);

/* Adds the value of a secret that functions sign callbacks with, which is taken over; the plan does not have
 * it yet.
 */
void call_plan_add_key(struct call_plan *plan, const char *secret, struct locked *value);

/* NULL: it has none of that name. Valid while the plan is. */
const struct locked *call_plan_find_key(const struct call_plan *plan, const char *secret);

/* NULL: there is no such function. Valid while the plan is. */
const struct call_plan_function *call_plan_find(const struct call_plan *plan, const char *name);

/* Its settings, or those of a function that has none of its own when there is no such function, or no plan.
 */
const struct call_settings *call_plan_settings(const struct call_plan *plan, const char *name);

/* How long a call of the function may wait for its time, be it of the next attempt or of a run that was put
 * off by chance: what waits for longer was made to by a clock that was set back. There may be no such
 * function. */
uint64_t call_plan_longest_wait_ms(const struct call_plan *plan, const char *name);

/* The functions in the order in which they were added. */
size_t call_plan_count(const struct call_plan *plan);
const struct call_plan_function *call_plan_at(const struct call_plan *plan, size_t index);

#endif
