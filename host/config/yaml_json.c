#include "config/yaml_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct yaml_tree_node *new_node(struct arena *arena, enum yaml_tree_kind kind, const char *text)
{
    struct yaml_tree_node *node = arena_alloc(arena, sizeof(*node));
    node->kind = kind;
    node->weight = 1;
    node->text = arena_copy(arena, text, strlen(text));
    return node;
}

static struct yaml_tree_node *number_node(struct arena *arena, const json_t *json)
{
    char text[40];
    if (json_is_integer(json))
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    else
        snprintf(text, sizeof(text), "%.17g", json_real_value(json));
    return new_node(arena, YAML_TREE_SCALAR, text);
}

static struct yaml_tree_node *list_node(struct arena *arena, const json_t *json)
{
    struct yaml_tree_node *node = new_node(arena, YAML_TREE_SEQUENCE, "");
    node->entries = arena_alloc(arena, json_array_size(json) * sizeof(*node->entries));
    const json_t *value;
    size_t i;
    json_array_foreach(json, i, value)
    {
        node->entries[i].value = yaml_json_node(arena, value);
        node->weight += node->entries[i].value->weight;
    }
    node->count = json_array_size(json);
    return node;
}

static struct yaml_tree_node *mapping_node(struct arena *arena, const json_t *json)
{
    struct yaml_tree_node *node = new_node(arena, YAML_TREE_MAPPING, "");
    node->entries = arena_alloc(arena, json_object_size(json) * sizeof(*node->entries));
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value)
    {
        struct yaml_tree_entry *entry = &node->entries[node->count++];
        entry->key = new_node(arena, YAML_TREE_SCALAR, name);
        entry->value = yaml_json_node(arena, value);
        node->weight += entry->value->weight + 1;
    }
    return node;
}

const struct yaml_tree_node *yaml_json_node(struct arena *arena, const json_t *json)
{
    if (json_is_object(json))
        return mapping_node(arena, json);
    if (json_is_array(json))
        return list_node(arena, json);
    if (json_is_number(json))
        return number_node(arena, json);
    if (json_is_boolean(json))
        return new_node(arena, YAML_TREE_SCALAR, json_is_true(json) ? "true" : "false");
    if (json_is_string(json))
        return new_node(arena, YAML_TREE_SCALAR, json_string_value(json));
    return new_node(arena, YAML_TREE_NULL, "");
}

const struct yaml_tree_node *yaml_json_text(struct arena *arena, const char *text)
{
    return new_node(arena, YAML_TREE_SCALAR, text);
}
