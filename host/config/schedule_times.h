/* When schedules run next, as it is shown. */
#ifndef CONFIG_SCHEDULE_TIMES_H
#define CONFIG_SCHEDULE_TIMES_H

#include "config/registry.h"

#define SCHEDULE_TIMES_SHOWN 5

/* The next times after `after_ms`, at most SCHEDULE_TIMES_SHOWN: how many there are. */
size_t schedule_times(const struct function_schedule *schedule, uint64_t after_ms,
                      uint64_t ret_times[SCHEDULE_TIMES_SHOWN]);

/* Adds a note for each schedule of functions without a mistake: its next times, as clocks on the wall show
 * them. */
void registry_tell_schedules(const struct registry *registry, uint64_t now_ms,
                             struct diagnostics *ret_findings);

#endif
