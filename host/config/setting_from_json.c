#include "base/alloc.h"
#include "config/setting.h"
#include "config/setting_causes.h"
#include "config/setting_egress.h"
#include "config/setting_packages.h"
#include "config/yaml_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_in_range(const struct setting *setting, double value)
{
    return (setting->min == 0 && setting->max == 0) || (value >= setting->min && value <= setting->max);
}

static int store_text(const json_t *json, char **member)
{
    if (!json_is_null(json) && !json_is_string(json))
        return -1;
    free(*member);
    *member = json_is_null(json) ? NULL : xstrdup(json_string_value(json));
    return 0;
}

/* Null is no value, which only a setting without a default has. */
static int store_number(const struct setting *setting, const json_t *json, void *member)
{
    bool is_wide = setting->width == sizeof(uint64_t), is_unset = setting->unset && json_is_null(json);
    json_int_t value = json_integer_value(json); /* 0 of null */
    bool fits = value >= 0 && (is_wide || value <= UINT32_MAX) && is_in_range(setting, (double)value);
    if (!is_unset && (!json_is_integer(json) || !fits))
        return -1;
    if (is_wide)
        *(uint64_t *)member = is_unset && setting->takes_zero ? SETTING_UNSET : (uint64_t)value;
    else
        *(unsigned *)member = (unsigned)value;
    return 0;
}

static int store_decimal(const struct setting *setting, const json_t *json, double *member)
{
    if (!json_is_number(json) || !is_in_range(setting, json_number_value(json)))
        return -1;
    *member = json_number_value(json);
    return 0;
}

static int store_word(const struct setting *setting, const json_t *json, unsigned *member)
{
    for (unsigned i = 0; json_is_string(json) && setting->words[i]; i++) {
        if (strcmp(setting->words[i], json_string_value(json)) == 0) {
            *member = i;
            return 0;
        }
    }
    return -1;
}

/* By the reader of the YAML file, which looks at folders. */
static int store_list(const struct setting *setting, const json_t *json, void *target)
{
    struct arena arena = {0};
    struct diagnostics dropped = {0};
    struct reporter silent = {.diagnostics = &dropped, .file = ""};
    if (!json_is_array(json))
        return -1;
    int rc = setting_store(setting, setting->name, yaml_json_node(&arena, json), target, &silent);
    diagnostics_clear(&dropped);
    arena_clear(&arena);
    return rc;
}

int setting_from_json(const struct setting *setting, const json_t *json, void *target)
{
    void *member = (char *)target + setting->offset;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_ADDRESS:
        return store_text(json, member);
    case SETTING_BOOLEAN:
        if (json_is_boolean(json))
            *(bool *)member = json_is_true(json);
        return json_is_boolean(json) ? 0 : -1;
    case SETTING_WORD:
        return store_word(setting, json, member);
    case SETTING_DECIMAL:
        return store_decimal(setting, json, member);
    case SETTING_INTEGER:
    case SETTING_DURATION:
    case SETTING_SIZE:
        return store_number(setting, json, member);
    case SETTING_PACKAGES:
        return setting_packages_from_json(json, member);
    case SETTING_EGRESS:
        return setting_egress_from_json(json, member);
    case SETTING_CAUSES:
        return setting_causes_from_json(json, member);
    case SETTING_NETWORKS:
    case SETTING_FOLDERS:
        return store_list(setting, json, target);
    case SETTING_MAPPING:
    case SETTING_ENTRIES:
    case SETTING_LIST:
    case SETTING_ANY:
        break;
    }
    return -1;
}

int setting_from_json_all(const struct setting_table *table, const json_t *json, void *target,
                          const struct setting **ret_wrong)
{
    setting_defaults(table, target);
    for (size_t i = 0; i < table->count; i++) {
        const json_t *value = json_object_get(json, table->settings[i].name);
        if (!value || setting_from_json(&table->settings[i], value, target) == 0)
            continue;
        *ret_wrong = &table->settings[i];
        return -1;
    }
    return 0;
}
