#include "base/go_duration.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_MS (366.0 * 24 * 3600 * 1000)

static const struct {
    const char *name;
    double ms;
} units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}};

/* The milliseconds of the unit that `text` begins with, with its letters; 0: none that there is. */
static double unit_of(const char *text, size_t *ret_length)
{
    size_t length = 0;
    while (isalpha((unsigned char)text[length]))
        length++;
    *ret_length = length;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strlen(units[i].name) == length && strncmp(units[i].name, text, length) == 0)
            return units[i].ms;
    }
    return 0;
}

int go_duration_read(const char *text, uint64_t *ret_ms)
{
    double total = 0;
    const char *rest = text;
    do {
        char *end;
        size_t length;
        if (!isdigit((unsigned char)*rest) && *rest != '.')
            return -1;
        double number = strtod(rest, &end);
        if (end == rest || strspn(rest, "0123456789.") != (size_t)(end - rest))
            return -1;
        double unit = unit_of(end, &length);
        bool is_bare = rest == text && *end == '\0';
        if (unit == 0 && !is_bare)
            return -1;
        total += number * (is_bare ? 1e3 : unit);
        rest = end + length;
    } while (*rest);
    if (!(total <= LONGEST_MS))
        return -1;
    *ret_ms = (uint64_t)total;
    return 0;
}
