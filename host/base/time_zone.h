/* Time zones of the system's database, and the time of the clock on the wall in them. Times of the wall are
 * seconds, too: as many as it would be since 1970 if the clock ran on UTC. Any thread; an open one is not
 * changed by its use. */
#ifndef BASE_TIME_ZONE_H
#define BASE_TIME_ZONE_H

#include <stdint.h>

struct time_zone;

/* Opens one by its name, such as "Europe/Berlin" or "UTC"; NULL: that of this machine. The result is NULL
 * when there is none of this name. */
struct time_zone *time_zone_open(const char *name);

/* NULL is fine. */
void time_zone_close(struct time_zone *zone);

/* What the wall shows at a time, in seconds since 1970 in UTC. */
int64_t time_zone_wall(const struct time_zone *zone, int64_t utc_s);

/* When the wall shows this for the first time; where clocks go past it, when they do so. */
int64_t time_zone_utc(const struct time_zone *zone, int64_t wall_s);

/* The first second after `from_s` and up to `to_s` at which the clocks have been changed; `to_s` is to be
 * within a day or two, and there is to be one change between them. */
int64_t time_zone_change(const struct time_zone *zone, int64_t from_s, int64_t to_s);

#endif
