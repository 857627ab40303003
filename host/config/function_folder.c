#include "config/function_folder.h"

#include "base/cleanup.h"

#include <string.h>

static bool has_option(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->option_count; i++) {
        if (strcmp(settings->options[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The option of the language that stands for a folder, one that is set before one that is not; or NULL. */
static const char *option_instead(const struct language *language, const struct function_settings *settings,
                                  bool *ret_is_set)
{
    const char *instead = NULL;
    *ret_is_set = false;
    for (size_t i = 0; language && i < language->option_count && !*ret_is_set; i++) {
        const struct language_option *option = &language->options[i];
        if (!option->no_folder)
            continue;
        *ret_is_set = has_option(settings, option->name);
        if (!instead || *ret_is_set)
            instead = option->name;
    }
    return instead;
}

void function_folder_find(const struct function_place *place, const struct language *language,
                          const struct setting_layer *layer, struct position missing_at,
                          struct reporter *reporter, struct function_settings *settings)
{
    const struct yaml_tree_node *node = setting_found(layer, "function_folder");
    cleanup_free char *folder = steal(&settings->folder);
    struct function_place where = *place;
    bool is_set;
    if (!folder && node && *node->text)
        return; /* of a wrong type, reported already */
    where.instead = option_instead(language, settings, &is_set);
    where.optional = is_set && !folder && !settings->file;
    int rc = function_source_folder(&where, folder ? folder : settings->key, folder ? node->at : missing_at,
                                    reporter, &settings->folder);
    if (rc == 0 && settings->file)
        function_source_file(place->base, settings->folder, settings->file,
                             setting_found(layer, "base_function_file_name")->at, reporter);
}
