#include "base/folder_list.h"
#include "base/json.h"
#include "base/network.h"
#include "config/retry_causes.h"
#include "config/setting.h"
#include "config/setting_egress.h"
#include "config/setting_packages.h"

/* A name says the unit of a number that has one. */
static const char *unit_suffix(const struct setting *setting)
{
    if (setting->type == SETTING_DURATION)
        return "_ms";
    return setting->type == SETTING_SIZE ? "_bytes" : "";
}

/* Null: it is not set and has no default. */
static json_t *number_json(const struct setting *setting, const void *member)
{
    if (setting->type == SETTING_DECIMAL)
        return json_real(*(const double *)member);
    bool is_wide = setting->width == sizeof(uint64_t);
    uint64_t number = is_wide ? *(const uint64_t *)member : *(const unsigned *)member;
    if (setting->unset && number == (setting->takes_zero ? SETTING_UNSET : 0))
        return json_null();
    return json_integer((json_int_t)number);
}

static json_t *networks_json(const struct network_list *list)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < list->count; i++) {
        char text[NETWORK_TEXT_MAX];
        network_format(&list->items[i], text);
        json_array_append_new(texts, json_text(text));
    }
    return texts;
}

static json_t *folders_json(const struct folder_list *list)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(texts, json_text(list->items[i]));
    return texts;
}

static json_t *value_json(const struct setting *setting, const void *target)
{
    const void *member = (const char *)target + setting->offset;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_ADDRESS:
        return json_text(*(char *const *)member);
    case SETTING_BOOLEAN:
        return json_boolean(*(const bool *)member);
    case SETTING_WORD:
        return json_text(setting->words[*(const unsigned *)member]);
    case SETTING_INTEGER:
    case SETTING_DECIMAL:
    case SETTING_DURATION:
    case SETTING_SIZE:
        return number_json(setting, member);
    case SETTING_PACKAGES:
        return setting_packages_json(member);
    case SETTING_EGRESS:
        return setting_egress_json(member);
    case SETTING_CAUSES:
        return retry_causes_json(member);
    case SETTING_NETWORKS:
        return networks_json(member);
    case SETTING_FOLDERS:
        return folders_json(member);
    case SETTING_MAPPING:
    case SETTING_ENTRIES:
    case SETTING_LIST:
    case SETTING_ANY:
        break;
    }
    return NULL;
}

json_t *setting_to_json_all(const struct setting_table *table, const void *target)
{
    json_t *object = json_object();
    for (size_t i = 0; i < table->count; i++) {
        json_t *value = value_json(&table->settings[i], target);
        if (value)
            json_object_set_new(object, table->settings[i].name, value);
    }
    return object;
}

void setting_show_all(const struct setting_table *table, const void *target, json_t *object)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *setting = &table->settings[i];
        char name[64];
        snprintf(name, sizeof(name), "%s%s", setting->name, unit_suffix(setting));
        json_t *value = value_json(setting, target);
        if (value)
            json_object_set_new(object, name, value);
    }
}
