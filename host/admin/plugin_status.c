#include "admin/plugin_status.h"

#include "base/json.h"
#include "prepare/plugins.h"

static json_t *aliases_json(const struct language *language)
{
    json_t *array = json_array();
    for (size_t i = 0; i < language->alias_count; i++)
        json_array_append_new(array, json_text(language->aliases[i]));
    return array;
}

static json_t *refused_aliases_json(const struct plugin *plugin)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plugin->refused_alias_count; i++) {
        const struct refused_alias *refused = &plugin->refused_aliases[i];
        json_array_append_new(array, json_pack("{s:o, s:o}", "alias", json_text(refused->alias), "taken_by",
                                               json_text(refused->taken_by)));
    }
    return array;
}

static json_t *plugin_json(const struct plugin *plugin)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_text(plugin->language.name), "version",
                     json_text(plugin->version), "path", json_text(plugin->path), "aliases",
                     aliases_json(&plugin->language), "refused_aliases", refused_aliases_json(plugin));
}

static json_t *refusal_json(const struct plugin_refusal *refusal)
{
    return json_pack("{s:o, s:s, s:o, s:o}", "path", json_text(refusal->path), "reason",
                     error_code_slug(refusal->error.code), "message", json_text(refusal->error.message),
                     "hint", json_text(refusal->error.hint));
}

json_t *plugin_status_json(const struct plugins *plugins)
{
    size_t count;
    const struct plugin *list = plugins_list(plugins, &count);
    json_t *accepted = json_array(), *refused = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(accepted, plugin_json(&list[i]));
    const struct plugin_refusal *refusals = plugins_refusals(plugins, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(refused, refusal_json(&refusals[i]));
    return json_pack("{s:o, s:o}", "plugins", accepted, "refused", refused);
}
