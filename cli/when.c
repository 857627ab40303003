#include "cli/when.h"

#include "base/rfc3339.h"
#include "cli/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

/* 0: it is no unit. */
static uint64_t unit_ms(const char *name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, name) == 0)
            return units[i].ms;
    }
    return 0;
}

int duration_read(const char *text, uint64_t *ret_ms)
{
    char *unit;
    errno = 0;
    const double number = strtod(text, &unit);
    const double ms = number * (double)unit_ms(unit);
    if (unit == text || unit_ms(unit) == 0 || errno != 0 || !(number >= 0))
        return -1;
    *ret_ms = ms < (double)INT64_MAX ? (uint64_t)ms : INT64_MAX;
    return 0;
}

int when_read(const char *text, uint64_t now_ms, uint64_t *ret_time_ms)
{
    uint64_t ago_ms;
    if (rfc3339_read(text, ret_time_ms) == 0)
        return 0;
    if (duration_read(text, &ago_ms) < 0) {
        say_wrong("\"%s\" is no time", text);
        say_next("write 90s, 10m, 2h or 3d (ago), or 2024-05-01T09:30:00Z");
        return -1;
    }
    *ret_time_ms = ago_ms < now_ms ? now_ms - ago_ms : 0;
    return 0;
}

const char *when_short(const char *time, uint64_t now_ms, char ret_text[WHEN_SIZE])
{
    char now[RFC3339_SIZE];
    const size_t day = strlen("2024-05-01");
    rfc3339_write(now_ms, now);
    if (strlen(time) != RFC3339_SIZE - 1)
        snprintf(ret_text, WHEN_SIZE, "%s", time);
    else if (strncmp(time, now, day) == 0)
        snprintf(ret_text, WHEN_SIZE, "%.12s", time + day + 1);
    else
        snprintf(ret_text, WHEN_SIZE, "%.10s %.12s", time, time + day + 1);
    return ret_text;
}
