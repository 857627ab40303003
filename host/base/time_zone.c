#include "base/time_zone.h"

#include "base/alloc.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

struct time_zone {
    GTimeZone *zone;
};

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/";

/* What is no such name could be a path, an offset or another file of the database to GLib. */
static bool is_name(const char *name)
{
    return *name >= 'A' && *name <= 'Z' && name[strspn(name, name_characters)] == '\0';
}

struct time_zone *time_zone_open(const char *name)
{
    GTimeZone *found = NULL;
    if (!name)
        found = g_time_zone_new_local();
    else if (is_name(name))
        found = g_time_zone_new_identifier(name);
    if (!found)
        return NULL;
    struct time_zone *zone = xcalloc(1, sizeof(*zone));
    zone->zone = found;
    return zone;
}

void time_zone_close(struct time_zone *zone)
{
    if (!zone)
        return;
    g_time_zone_unref(zone->zone);
    free(zone);
}

static int64_t offset_at(const struct time_zone *zone, int64_t utc_s)
{
    gint interval = g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, utc_s);
    return g_time_zone_get_offset(zone->zone, interval);
}

int64_t time_zone_wall(const struct time_zone *zone, int64_t utc_s)
{
    return utc_s + offset_at(zone, utc_s);
}

int64_t time_zone_change(const struct time_zone *zone, int64_t from_s, int64_t to_s)
{
    int64_t before = offset_at(zone, from_s);
    while (from_s + 1 < to_s) {
        int64_t middle = from_s + (to_s - from_s) / 2;
        if (offset_at(zone, middle) == before)
            from_s = middle;
        else
            to_s = middle;
    }
    return to_s;
}

int64_t time_zone_utc(const struct time_zone *zone, int64_t wall_s)
{
    int64_t earlier = offset_at(zone, wall_s - DAY), later = offset_at(zone, wall_s + DAY);
    int64_t largest = earlier > later ? earlier : later, smallest = earlier > later ? later : earlier;
    if (time_zone_wall(zone, wall_s - largest) == wall_s)
        return wall_s - largest;
    if (time_zone_wall(zone, wall_s - smallest) == wall_s)
        return wall_s - smallest;
    return time_zone_change(zone, wall_s - DAY, wall_s + DAY);
}
