/* What a function keeps, or is given, outside of its containers: `volumes` under its configuration. */
#ifndef CONFIG_FUNCTION_VOLUMES_H
#define CONFIG_FUNCTION_VOLUMES_H

#include "base/folder_list.h"
#include "config/registry.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

#define FUNCTION_VOLUMES_MAX 32

/* Reads the mapping or list `node`, or NULL, into `settings`, without what is wrong, which is reported. Where
 * the folders of this host really are is found out here; they must lie in one of `roots`. */
void function_volumes_read(const struct yaml_tree_node *node, const struct folder_list *roots,
                           struct function_settings *settings, struct reporter *reporter);

void function_volumes_clear(struct function_settings *settings);
void function_volumes_hash(const struct function_settings *settings, struct hash *hash);

/* As they are kept with a revision, by where the function finds them; and back again. -1: they are none. */
json_t *function_volumes_keep(const struct function_settings *settings);
int function_volumes_recall(const json_t *kept, struct function_settings *settings);

#endif
