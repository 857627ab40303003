/* One function of the registry: from its YAML mapping to struct function_settings. */
#ifndef CONFIG_FUNCTION_SETTINGS_H
#define CONFIG_FUNCTION_SETTINGS_H

#include "config/arena.h"
#include "config/function_environment.h"
#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"
#include "config/yaml_tree.h"

/* The keys of a function, and those under its `configuration`. */
extern const struct setting_table function_table, configuration_table;

/* What the functions of one file have in common. Borrows languages and roots. */
struct function_reader {
    const char *base; /* directory of the YAML file, as the user spelt it */
    struct env_file_place env_files; /* unless another one is set, beside the YAML file */
    const struct folder_list *roots; /* the host's; the links to folders may lead there */
    const struct folder_list *volume_roots; /* the host's; where folders of this machine may be; or NULL */
    const struct language *languages;
    size_t language_count;
    const struct setting_table *option_tables; /* one a language: what its plugin declares */
    struct arena arena; /* holds them */
};

void function_reader_init(struct function_reader *reader, const char *path, const struct folder_list *roots,
                          const struct language *languages, size_t language_count);
void function_reader_clear(struct function_reader *reader);

/* The route that an entry of the functions' mapping asks for: its `name`, else its key. `*ret_at` is where
 * that stands. Owned by the tree. */
const char *function_settings_route(const struct yaml_tree_entry *entry, struct position *ret_at);

/* Whether a function may be called at this route: it can be one, and is not the host's own. */
bool function_settings_is_free_route(const char *route);

/* Reads one entry, reporting what is wrong. `ret_settings` is filled in any case; `broken` when there was an
 * error. The caller clears it. */
void function_settings_read(const struct function_reader *reader, const struct yaml_tree_entry *entry,
                            struct reporter *reporter, struct function_settings *ret_settings);

void function_settings_clear(struct function_settings *settings);

/* What findings about a deployment over the API are said to be in. The caller frees it. */
char *function_settings_origin(const char *name);

#endif
