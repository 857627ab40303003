/* The daemon's own settings, kept for a start at which their file cannot be read. */
#include "config/host_settings.h"

json_t *host_settings_keep(const struct host_settings *settings)
{
    return setting_to_json_all(&host_table, settings);
}

void registry_recall_host(struct registry *registry, const json_t *kept)
{
    for (size_t i = 0; i < host_table.count; i++) {
        const struct setting *setting = &host_table.settings[i];
        const json_t *value = json_object_get(kept, setting->name);
        bool is_value = value && !(json_is_null(value) && setting->default_text);
        if (is_value)
            setting_from_json(setting, value, &registry->host); /* what it cannot be stays as it is */
    }
    host_settings_note(&registry->host, registry->host_rows);
}
