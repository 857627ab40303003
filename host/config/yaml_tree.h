/*
 * A YAML document as a tree of nodes that know their place in the file. Aliases and merge keys (`<<`) are
 * resolved, so an aliased node has several parents. Size, depth and what aliases multiply are bounded.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "config/reporter.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_tree_kind {
    YAML_TREE_NULL, /* nothing, ~ or null */
    YAML_TREE_SCALAR,
    YAML_TREE_SEQUENCE,
    YAML_TREE_MAPPING
};

struct yaml_tree_node {
    enum yaml_tree_kind kind;
    struct position at;
    unsigned weight; /* nodes in it, aliases counted in full */
    const char *text; /* of a scalar, as written less quotes and escapes; "" otherwise */
    struct position text_at; /* where it begins, when it stands on that line just so; line 0: it does not */
    const char *flaw; /* why its text must not be used (a foreign tag, a NUL), or NULL */
    struct yaml_tree_entry *entries; /* of a sequence or mapping, in the file's order, merged ones last */
    size_t count;
};

struct yaml_tree_entry {
    const struct yaml_tree_node *key; /* NULL in a sequence; any kind in a mapping */
    const struct yaml_tree_node *value;
    const struct yaml_tree_entry *first; /* the entry of the same mapping that had this key before, or NULL */
};

struct yaml_tree; /* owns every node and text */

/* Parses one document of UTF-8 text. What is wrong is reported: on a syntax error or a limit the result is
 * -1; text after the first document is an error too, but the tree is there. Any thread. */
int yaml_tree_parse(const char *text, size_t size, struct reporter *reporter, struct yaml_tree **ret_tree);

void yaml_tree_destroy(struct yaml_tree *tree);

/* The document, or NULL when there is none. */
const struct yaml_tree_node *yaml_tree_root(const struct yaml_tree *tree);

/* The value of the first entry of a mapping with this key, or NULL. */
const struct yaml_tree_node *yaml_tree_get(const struct yaml_tree_node *mapping, const char *key);

/* "a mapping", "a list", "nothing" or the quoted text: what a message says a node is. */
struct quoted yaml_tree_describe(const struct yaml_tree_node *node);

#endif
