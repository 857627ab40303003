/* The times of a schedule. Whatever stands in its fields is looked for on the clock on the wall, in seconds.
 */
#include "config/cron.h"

#include <time.h>

#define HOUR      3600
#define DAY       86400
#define DAYS_LONG (40 * 366) /* in which every day of the calendar is every weekday once */

/* The first value from `from` on whose bit is set; -1: there is none. */
static int next_bit(uint64_t bits, int from)
{
    uint64_t rest = from < 64 ? bits >> from << from : 0;
    return rest ? __builtin_ctzll(rest) : -1;
}

/* The first time of a day from `from` on, in seconds; -1: it has no further one. */
static int next_in_day(const struct cron *cron, int from)
{
    const int hour = from / HOUR, minute = from / 60 % 60;
    for (int h = next_bit(cron->hours, hour); h >= 0; h = next_bit(cron->hours, h + 1)) {
        int m = next_bit(cron->minutes, h == hour ? minute : 0);
        for (; m >= 0; m = next_bit(cron->minutes, m + 1)) {
            int s = next_bit(cron->seconds, h == hour && m == minute ? from % 60 : 0);
            if (s >= 0)
                return h * HOUR + m * 60 + s;
        }
    }
    return -1;
}

static bool has_day(const struct cron *cron, int64_t day)
{
    const time_t begin = (time_t)(day * DAY);
    struct tm tm;
    gmtime_r(&begin, &tm);
    bool is_day = cron->days >> tm.tm_mday & 1, is_weekday = cron->weekdays >> tm.tm_wday & 1;
    bool matches = cron->any_day || cron->any_weekday ? is_day && is_weekday : is_day || is_weekday;
    return matches && cron->months >> (tm.tm_mon + 1) & 1;
}

/* The first time of the wall from `from_s` on; -1: there is none. */
static int64_t next_on_wall(const struct cron *cron, int64_t from_s)
{
    const int64_t first = from_s / DAY;
    for (int64_t day = first; day < first + DAYS_LONG; day++) {
        int second = has_day(cron, day) ? next_in_day(cron, day == first ? (int)(from_s % DAY) : 0) : -1;
        if (second >= 0)
            return day * DAY + second;
    }
    return -1;
}

/* Each time of the wall once, at the first of two and at the end of those that are gone past. */
static int64_t next_of_own(const struct cron *cron, const struct time_zone *zone, int64_t after_s)
{
    int64_t wall = next_on_wall(cron, time_zone_wall(zone, after_s) + 1);
    while (wall >= 0) {
        int64_t utc = time_zone_utc(zone, wall);
        if (utc > after_s)
            return utc;
        wall = next_on_wall(cron, wall + 1);
    }
    return -1;
}

/* Follows the wall a day at most, or up to a change of the clocks, and then looks anew; days without a match
 * are left out. */
static int64_t next_going_round(const struct cron *cron, const struct time_zone *zone, int64_t after_s)
{
    for (int64_t at = after_s + 1;;) {
        const int64_t wall = time_zone_wall(zone, at), found = next_on_wall(cron, wall);
        if (found < 0)
            return -1;
        const int64_t midnight = (wall / DAY + 1) * DAY, goal = found < midnight ? found : midnight;
        const int64_t utc = at + goal - wall;
        if (time_zone_wall(zone, utc) != goal) {
            at = time_zone_change(zone, at, utc);
        } else if (goal == found) {
            return utc;
        } else {
            const int64_t first = time_zone_utc(zone, found / DAY * DAY);
            at = first > utc ? first : utc;
        }
    }
}

bool cron_ever_runs(const struct cron *cron)
{
    return cron->every_ms > 0 || next_on_wall(cron, 0) >= 0;
}

bool cron_next(const struct cron *cron, const struct time_zone *zone, uint64_t after_ms, uint64_t *ret_ms)
{
    if (cron->every_ms > 0) {
        *ret_ms = (after_ms / cron->every_ms + 1) * cron->every_ms;
        return true;
    }
    const int64_t after_s = (int64_t)(after_ms / 1000);
    const int64_t next =
        cron->goes_round ? next_going_round(cron, zone, after_s) : next_of_own(cron, zone, after_s);
    if (next < 0)
        return false;
    *ret_ms = (uint64_t)next * 1000;
    return true;
}
