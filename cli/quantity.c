#include "cli/quantity.h"

#include <stdio.h>

struct unit {
    const char *name;
    unsigned long long factor;
};

/* The largest first; the last one is 1. */
static void write_whole(unsigned long long value, const struct unit *units, char *buffer, size_t size)
{
    while (value % units->factor != 0 || (value == 0 && units->factor != 1))
        units++;
    snprintf(buffer, size, "%llu%s", value / units->factor, units->name);
}

void quantity_of_bytes(unsigned long long bytes, char *buffer, size_t size)
{
    static const struct unit units[] = {{"Gi", 1ull << 30}, {"Mi", 1ull << 20}, {"Ki", 1ull << 10}, {"", 1}};
    write_whole(bytes, units, buffer, size);
}

void quantity_of_ms(unsigned long long ms, char *buffer, size_t size)
{
    static const struct unit units[] = {{"s", 1000}, {"ms", 1}};
    write_whole(ms, units, buffer, size);
}

void quantity_measured(unsigned long long bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        value /= 1024;
    snprintf(buffer, size, "%.*f %s", unit > 0 && value < 9.95 ? 1 : 0, value, units[unit]);
}
