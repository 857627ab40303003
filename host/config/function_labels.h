/* The labels of a function, `labels` under its configuration. */
#ifndef CONFIG_FUNCTION_LABELS_H
#define CONFIG_FUNCTION_LABELS_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

/* Reads the mapping `node`, or NULL, into `settings`, without what is wrong, which is reported. */
void function_labels_read(const struct yaml_tree_node *node, struct function_settings *settings,
                          struct reporter *reporter);

#endif
