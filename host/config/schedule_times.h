/* When schedules run next. */
#ifndef CONFIG_SCHEDULE_TIMES_H
#define CONFIG_SCHEDULE_TIMES_H

#include "config/registry.h"

#define SCHEDULE_TIMES_SHOWN 5

/* The next times after `after_ms`, at most SCHEDULE_TIMES_SHOWN: how many there are. */
size_t schedule_times(const struct function_schedule *schedule, uint64_t after_ms,
                      uint64_t ret_times[SCHEDULE_TIMES_SHOWN]);

/* By how much the run of a time is put off; always the same for the same time. `function` is whose schedule
 * it is. */
uint64_t schedule_delay_ms(const char *function, const struct function_schedule *schedule,
                           uint64_t planned_ms);

/* When a run begins next, put off as it will be, from `from_ms` on; 0: never. */
uint64_t schedule_next_run(const char *function, const struct function_schedule *schedule, uint64_t from_ms);

/* Adds a note for each schedule of functions without a mistake: its next times, as clocks on the wall show
 * them. */
void registry_tell_schedules(const struct registry *registry, uint64_t now_ms,
                             struct diagnostics *ret_findings);

#endif
