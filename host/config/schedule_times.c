#include "config/schedule_times.h"

#include "base/strbuf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define TEXT_MAX 1024

size_t schedule_times(const struct function_schedule *schedule, uint64_t after_ms,
                      uint64_t ret_times[SCHEDULE_TIMES_SHOWN])
{
    struct time_zone *zone = time_zone_open(schedule->time_zone);
    size_t count = 0;
    while (zone && count < SCHEDULE_TIMES_SHOWN &&
           cron_next(&schedule->cron, zone, after_ms, &ret_times[count]))
        after_ms = ret_times[count++];
    time_zone_close(zone);
    return count;
}

/* "Tue 2026-12-01 03:00:00 +01:00" */
static void append_time(const struct time_zone *zone, uint64_t ms, struct strbuf *text)
{
    const int64_t utc_s = (int64_t)(ms / 1000), wall_s = time_zone_wall(zone, utc_s);
    const int64_t minutes = llabs(wall_s - utc_s) / 60;
    const time_t wall = (time_t)wall_s;
    char shown[64];
    struct tm tm;
    gmtime_r(&wall, &tm);
    strftime(shown, sizeof(shown), "%a %F %T", &tm);
    strbuf_append_format(text, "%s %c%02" PRId64 ":%02" PRId64, shown, wall_s < utc_s ? '-' : '+',
                         minutes / 60, minutes % 60);
}

static void tell(const struct registry *registry, const struct function_settings *settings,
                 const struct function_schedule *schedule, uint64_t now_ms, struct diagnostics *findings)
{
    uint64_t times[SCHEDULE_TIMES_SHOWN];
    const size_t count = schedule_times(schedule, now_ms, times);
    struct time_zone *zone = time_zone_open(schedule->time_zone);
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    strbuf_append_format(&text, "\"%s\" runs next at", schedule->name);
    for (size_t i = 0; zone && i < count; i++) {
        strbuf_append_text(&text, i > 0 ? ", " : " ");
        append_time(zone, times[i], &text);
    }
    const struct diagnostic note = {.severity = SEVERITY_NOTE,
                                    .function = settings->name,
                                    .file = registry->path,
                                    .line = schedule->line,
                                    .column = schedule->column,
                                    .message = (char *)strbuf_text(&text)};
    diagnostics_add(findings, &note);
    time_zone_close(zone);
}

void registry_tell_schedules(const struct registry *registry, uint64_t now_ms,
                             struct diagnostics *ret_findings)
{
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        for (size_t j = 0; !settings->broken && j < settings->schedule_count; j++)
            tell(registry, settings, &settings->schedules[j], now_ms, ret_findings);
    }
}
