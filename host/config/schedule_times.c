#include "config/schedule_times.h"

#include "base/hash.h"
#include "base/strbuf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
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

uint64_t schedule_delay_ms(const char *function, const struct function_schedule *schedule,
                           uint64_t planned_ms)
{
    char digest[HASH_HEX_SIZE], number[9] = "";
    if (schedule->jitter_ms == 0)
        return 0;
    struct hash *hash = hash_create();
    hash_update_text(hash, function);
    hash_update_text(hash, schedule->name);
    hash_update(hash, &planned_ms, sizeof(planned_ms));
    hash_finish(hash, digest);
    memcpy(number, digest, sizeof(number) - 1);
    return strtoul(number, NULL, 16) % schedule->jitter_ms;
}

/* A time that has passed may have been put off until later. */
uint64_t schedule_next_run(const char *function, const struct function_schedule *schedule, uint64_t from_ms)
{
    struct time_zone *zone = time_zone_open(schedule->time_zone);
    uint64_t before_ms = (uint64_t)schedule->jitter_ms + 1, planned_ms, run_ms = 0;
    uint64_t after_ms = from_ms > before_ms ? from_ms - before_ms : 0;
    while (run_ms < from_ms && zone && cron_next(&schedule->cron, zone, after_ms, &planned_ms)) {
        run_ms = planned_ms + schedule_delay_ms(function, schedule, planned_ms);
        after_ms = planned_ms;
    }
    time_zone_close(zone);
    return run_ms < from_ms ? 0 : run_ms;
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
