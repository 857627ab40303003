/* When a schedule runs: an expression of cron, as people write it, and its next time in a time zone. No clock
 * in here. */
#ifndef CONFIG_CRON_H
#define CONFIG_CRON_H

#include "base/time_zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRON_TEXT_MAX 256 /* bytes of an expression */

/* Each number has a bit for each value that it matches. */
struct cron {
    uint64_t seconds, minutes;
    uint32_t hours;
    uint32_t days, months; /* from 1 on */
    uint32_t weekdays; /* 0 is Sunday */
    bool any_day, any_weekday; /* it begins with "*": both must match then, else one of them is enough */
    bool goes_round; /* minutes or hours begin with "*": it has no times of the day of its own */
    uint64_t
        every_ms; /* not 0: it runs at all multiples of this, counted from 1970 in UTC; the rest is empty */
};

/* What is wrong with an expression. */
struct cron_problem {
    size_t at; /* byte of the expression where it stands */
    char message[160];
    const char *hint; /* or NULL */
};

/* Reads "MINUTE HOUR DAY MONTH WEEKDAY", with seconds before the minutes where there are six fields, or one
 * of @hourly,
 * @daily, @midnight, @weekly, @monthly, @yearly, @annually and "@every DURATION". -1: it is none, or never
 * comes to pass. */
int cron_parse(const char *text, struct cron *ret_cron, struct cron_problem *ret_problem);

/* Whether there is a day in the calendar that it means. */
bool cron_ever_runs(const struct cron *cron);

/* The first time after `after_ms`, in milliseconds since 1970. When clocks are changed: one with times of the
 * day of its own runs once at each of them, at the change for all that the clocks go past; one that goes
 * round follows the clock on the wall. False: there is none in the next 40 years. */
bool cron_next(const struct cron *cron, const struct time_zone *zone, uint64_t after_ms, uint64_t *ret_ms);

#endif
