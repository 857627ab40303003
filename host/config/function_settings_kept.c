/* Settings of a function that outlive their registry, as JSON: what users wrote may be gone, or wrong by now,
 * and nothing of it is looked for on the disk. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/redact.h"
#include "config/function_schedules.h"
#include "config/function_secrets.h"
#include "config/function_settings.h"
#include "config/function_volumes.h"
#include "config/registry.h"

#include <string.h>

#define PAIRS_MAX 1024

/* Where a table's values are kept. */
static const struct {
    const char *member;
    const struct setting_table *table;
} sections[] = {{"function", &function_table}, {"configuration", &configuration_table}};

#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

/* --- out --- */

static json_t *pairs_json(const struct text_pair *pairs, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, pairs[i].name, json_text(pairs[i].value));
    return object;
}

/* What a plugin was told has been used by now, and is kept to be compared: without the passwords of indexes.
 */
static json_t *options_json(const struct text_pair *pairs, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *value = xstrdup(pairs[i].value);
        redact_urls(value);
        json_object_set_new(object, pairs[i].name, json_text(value));
    }
    return object;
}

json_t *function_settings_keep(const struct function_settings *settings)
{
    json_t *kept = json_pack("{s:o, s:o, s:o, s:o, s:o}", "key", json_text(settings->key), "options",
                             options_json(settings->options, settings->option_count), "environment",
                             pairs_json(settings->environment, settings->environment_count), "labels",
                             pairs_json(settings->labels, settings->label_count), "volumes",
                             function_volumes_keep(settings));
    for (size_t i = 0; i < SECTION_COUNT; i++)
        json_object_set_new(kept, sections[i].member, setting_to_json_all(sections[i].table, settings));
    function_secrets_keep(settings, kept);
    json_object_set_new(kept, "schedules", function_schedules_keep(settings));
    return kept;
}

/* --- in --- */

static int damaged(struct error *err, const char *what)
{
    return error_set(err, ERROR_CHANGED, "the settings that were kept have no proper %s", what);
}

static int read_pairs(const json_t *object, struct text_pair **ret_pairs, size_t *ret_count)
{
    if (!json_is_object(object) || json_object_size(object) > PAIRS_MAX)
        return -1;
    const char *name;
    json_t *value;
    *ret_pairs = xcalloc(json_object_size(object), sizeof(**ret_pairs));
    json_object_foreach((json_t *)object, name, value)
    {
        if (!json_is_string(value))
            return -1;
        (*ret_pairs)[(*ret_count)++] =
            (struct text_pair){.name = xstrdup(name), .value = xstrdup(json_string_value(value))};
    }
    return 0;
}

static int read_settings(const json_t *kept, struct function_settings *settings, struct error *err)
{
    settings->key = json_text_copy(kept, "key");
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct setting *wrong;
        if (setting_from_json_all(sections[i].table, json_object_get(kept, sections[i].member), settings,
                                  &wrong) < 0)
            return damaged(err, wrong->name);
    }
    if (!settings->key || !settings->language)
        return damaged(err, settings->key ? "language" : "key");
    if (!settings->name || !function_settings_is_free_route(settings->name))
        return damaged(err, "name");
    if (read_pairs(json_object_get(kept, "options"), &settings->options, &settings->option_count) < 0)
        return damaged(err, "options");
    if (read_pairs(json_object_get(kept, "environment"), &settings->environment,
                   &settings->environment_count) < 0)
        return damaged(err, "environment");
    const json_t *labels = json_object_get(kept, "labels"); /* of an earlier version: none */
    if (labels && read_pairs(labels, &settings->labels, &settings->label_count) < 0)
        return damaged(err, "labels");
    const json_t *volumes = json_object_get(kept, "volumes"); /* the same */
    if (volumes && function_volumes_recall(volumes, settings) < 0)
        return damaged(err, "volumes");
    const json_t *schedules = json_object_get(kept, "schedules"); /* the same */
    if (schedules && function_schedules_recall(schedules, settings) < 0)
        return damaged(err, "schedules");
    if (function_secrets_recall(kept, settings) < 0)
        return damaged(err, "secrets");
    return 0;
}

int registry_of_kept(const char *path, const json_t *kept, struct registry **ret_registry, struct error *err)
{
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->path = xstrdup(path);
    registry->functions = xcalloc(1, sizeof(*registry->functions));
    registry->function_count = 1;
    if (read_settings(kept, &registry->functions[0], err) < 0) {
        registry_destroy(registry);
        return -1;
    }
    *ret_registry = registry;
    return 0;
}

void function_settings_keep_applied(json_t *kept, const json_t *applied)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct setting_table *table = sections[i].table;
        json_t *to = json_object_get(kept, sections[i].member);
        const json_t *from = json_object_get(applied, sections[i].member);
        for (size_t j = 0; j < table->count; j++) {
            json_t *value = json_object_get(from, table->settings[j].name);
            if (value && table->settings[j].change == CHANGE_APPLIES)
                json_object_set(to, table->settings[j].name, value);
        }
    }
    json_object_set(kept, "labels", json_object_get(applied, "labels"));
    json_object_set(kept, "schedules", json_object_get(applied, "schedules"));
}

/* --- what is different --- */

static void add_name(json_t *list, const char *prefix, const char *name)
{
    json_array_append_new(list, json_sprintf("%s%s", prefix, name));
}

/* The members of `one` that `other` has with another value, or, with `missing`, does not have. */
static void add_changed(const json_t *one, const json_t *other, const char *prefix, bool missing,
                        json_t *list)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)one, name, value)
    {
        const json_t *found = json_object_get(other, name);
        if (missing ? !found : found && !json_equal(value, found))
            add_name(list, prefix, name);
    }
}

json_t *function_settings_changed(const json_t *before, const json_t *after)
{
    static const struct {
        const char *member, *prefix;
    } parts[] = {{"function", ""},          {"configuration", ""},
                 {"options", ""},           {"environment", "environment."},
                 {"labels", "labels."},     {"volumes", "volumes."},
                 {"secrets", "secrets."},   {"environment_secrets", "environment."},
                 {"schedules", "schedule."}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const json_t *old = json_object_get(before, parts[i].member);
        const json_t *new = json_object_get(after, parts[i].member);
        add_changed(new, old, parts[i].prefix, false, list);
        add_changed(new, old, parts[i].prefix, true, list);
        add_changed(old, new, parts[i].prefix, true, list);
    }
    return list;
}
