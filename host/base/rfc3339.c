#include "base/rfc3339.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

char *rfc3339_write(uint64_t time_ms, char ret_text[RFC3339_SIZE])
{
    const time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;
    size_t length = 0;
    if (gmtime_r(&seconds, &utc))
        length = strftime(ret_text, RFC3339_SIZE - 5, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(ret_text + length, RFC3339_SIZE - length, ".%03uZ", (unsigned)(time_ms % 1000));
    return ret_text;
}

/* Exactly so many digits. */
static bool read_digits(const char **text, unsigned count, int *ret_number)
{
    *ret_number = 0;
    for (; count > 0; count--, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *ret_number = *ret_number * 10 + (**text - '0');
    }
    return true;
}

static bool read_one_of(const char **text, const char *letters)
{
    if (**text == '\0' || !strchr(letters, **text))
        return false;
    (*text)++;
    return true;
}

static bool read_date(const char **text, struct tm *ret_time)
{
    return read_digits(text, 4, &ret_time->tm_year) && read_one_of(text, "-") &&
           read_digits(text, 2, &ret_time->tm_mon) && read_one_of(text, "-") &&
           read_digits(text, 2, &ret_time->tm_mday);
}

static bool read_clock(const char **text, struct tm *ret_time)
{
    return read_digits(text, 2, &ret_time->tm_hour) && read_one_of(text, ":") &&
           read_digits(text, 2, &ret_time->tm_min) && read_one_of(text, ":") &&
           read_digits(text, 2, &ret_time->tm_sec);
}

static bool read_parts(const char **text, unsigned *ret_ms)
{
    unsigned unit = 100;
    *ret_ms = 0;
    if (**text != '.')
        return true;
    (*text)++;
    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
        *ret_ms += (unsigned)(**text - '0') * unit;
    return true;
}

static bool read_offset(const char **text, int *ret_minutes)
{
    const char sign = **text;
    int hours, minutes;
    *ret_minutes = 0;
    if (read_one_of(text, "Zz"))
        return true;
    if (!read_one_of(text, "+-") || !read_digits(text, 2, &hours) || !read_one_of(text, ":") ||
        !read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* The month and the day of a time that timegm() has not moved elsewhere are those that were given. */
static bool is_real(struct tm *time, time_t *ret_seconds)
{
    struct tm given = *time;
    *ret_seconds = timegm(time);
    return time->tm_mon == given.tm_mon && time->tm_mday == given.tm_mday && given.tm_hour < 24 &&
           given.tm_min < 60 && given.tm_sec <= 60;
}

int rfc3339_read(const char *text, uint64_t *ret_time_ms)
{
    struct tm time = {0};
    unsigned parts_ms;
    int offset_minutes;
    time_t seconds;
    if (!read_date(&text, &time) || !read_one_of(&text, "Tt ") || !read_clock(&text, &time) ||
        !read_parts(&text, &parts_ms) || !read_offset(&text, &offset_minutes) || *text != '\0')
        return -1;
    time.tm_year -= 1900;
    time.tm_mon -= 1;
    if (!is_real(&time, &seconds))
        return -1;
    seconds -= (time_t)offset_minutes * 60;
    if (seconds < 0)
        return -1;
    *ret_time_ms = (uint64_t)seconds * 1000 + parts_ms;
    return 0;
}
