/* The settings of a function as they are shown. */
#include "base/json.h"
#include "config/function_secrets.h"
#include "config/function_settings.h"
#include "config/registry.h"
#include "config/setting.h"

json_t *function_labels_json(const struct function_settings *settings)
{
    json_t *labels = json_object();
    for (size_t i = 0; i < settings->label_count; i++)
        json_object_set_new(labels, settings->labels[i].name, json_text(settings->labels[i].value));
    return labels;
}

json_t *function_volumes_json(const struct function_settings *settings)
{
    json_t *volumes = json_array();
    for (size_t i = 0; i < settings->volume_count; i++) {
        const struct function_volume *volume = &settings->volumes[i];
        json_array_append_new(volumes, json_pack("{s:o, s:o, s:s, s:b}", "name", json_text(volume->name),
                                                 "path", json_text(volume->path), "at", volume->target,
                                                 "read_only", volume->read_only));
    }
    return volumes;
}

json_t *function_settings_json(const struct function_settings *settings)
{
    json_t *object = json_object(), *names = json_array();
    setting_show_all(&function_table, settings, object);
    setting_show_all(&configuration_table, settings, object);
    for (size_t i = 0; i < settings->option_count; i++)
        json_object_set_new(object, settings->options[i].name, json_text(settings->options[i].value));
    for (size_t i = 0; i < settings->environment_count; i++)
        json_array_append_new(names, json_text(settings->environment[i].name));
    json_object_set_new(object, "environment", names);
    json_object_set_new(object, "labels", function_labels_json(settings));
    json_object_set_new(object, "volumes", function_volumes_json(settings));
    json_object_set_new(object, "schedule", function_schedules_json(settings));
    function_secrets_show(settings, object);
    return object;
}
