/* JSON as nodes of a YAML tree, so that settings which come as JSON are read by the reader of the registry.
 */
#ifndef CONFIG_YAML_JSON_H
#define CONFIG_YAML_JSON_H

#include "config/arena.h"
#include "config/yaml_tree.h"

#include <jansson.h>

/* A node of the same value, in the arena, at no place of any file. Never NULL; NULL gives a null. */
const struct yaml_tree_node *yaml_json_node(struct arena *arena, const json_t *json);

/* A scalar of this text, likewise. */
const struct yaml_tree_node *yaml_json_text(struct arena *arena, const char *text);

#endif
