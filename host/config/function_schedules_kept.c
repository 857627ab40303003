/* Schedules of a function once they are read: compared, kept with a revision, shown, copied, given back. */
#include "config/function_schedules.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void function_schedules_hash(const struct function_settings *settings, struct hash *hash)
{
    for (size_t i = 0; i < settings->schedule_count; i++) {
        for (size_t j = 0; j < schedule_table.count; j++)
            setting_hash(&schedule_table.settings[j], &settings->schedules[i], hash);
    }
    hash_update(hash, &settings->schedule_count, sizeof(settings->schedule_count));
}

json_t *function_schedules_json(const struct function_settings *settings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < settings->schedule_count; i++) {
        json_t *object = json_object();
        setting_show_all(&schedule_table, &settings->schedules[i], object);
        json_array_append_new(list, object);
    }
    return list;
}

json_t *function_schedules_keep(const struct function_settings *settings)
{
    json_t *kept = json_object();
    for (size_t i = 0; i < settings->schedule_count; i++) {
        const struct function_schedule *schedule = &settings->schedules[i];
        json_object_set_new(kept, schedule->name, setting_to_json_all(&schedule_table, schedule));
    }
    return kept;
}

static int recall_one(const json_t *kept, struct function_schedule *schedule)
{
    struct cron_problem problem;
    const struct setting *wrong;
    if (setting_from_json_all(&schedule_table, kept, schedule, &wrong) < 0 || !schedule->name ||
        !schedule->expression)
        return -1;
    return cron_parse(schedule->expression, &schedule->cron, &problem);
}

int function_schedules_recall(const json_t *kept, struct function_settings *settings)
{
    const char *name;
    json_t *item;
    if (!json_is_object(kept) || json_object_size(kept) > FUNCTION_SCHEDULES_MAX)
        return -1;
    settings->schedules = xcalloc(json_object_size(kept), sizeof(*settings->schedules));
    json_object_foreach((json_t *)kept, name, item)
    {
        if (recall_one(item, &settings->schedules[settings->schedule_count++]) < 0)
            return -1;
    }
    return 0;
}

static char *copy_text(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

struct function_schedule *schedules_copy(const struct function_schedule *schedules, size_t count)
{
    struct function_schedule *copy = xcalloc(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = schedules[i];
        copy[i].name = xstrdup(schedules[i].name);
        copy[i].expression = xstrdup(schedules[i].expression);
        copy[i].time_zone = copy_text(schedules[i].time_zone);
        copy[i].path = copy_text(schedules[i].path);
        copy[i].body = copy_text(schedules[i].body);
    }
    return copy;
}

void schedules_free(struct function_schedule *schedules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        setting_clear(&schedule_table, &schedules[i]);
    free(schedules);
}
