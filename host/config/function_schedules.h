/* The schedules of a function: when it is called by the clock. */
#ifndef CONFIG_FUNCTION_SCHEDULES_H
#define CONFIG_FUNCTION_SCHEDULES_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"
#include "config/yaml_tree.h"

#define FUNCTION_SCHEDULES_MAX 64

/* The keys of one that is a mapping. */
extern const struct setting_table schedule_table;

/* Reads an expression, a mapping, or a list of them; NULL is none. */
void function_schedules_read(const struct yaml_tree_node *node, struct reporter *reporter,
                             struct function_settings *settings);

void function_schedules_hash(const struct function_settings *settings, struct hash *hash);

/* By their names, for later. -1: they are none. */
json_t *function_schedules_keep(const struct function_settings *settings);
int function_schedules_recall(const json_t *kept, struct function_settings *settings);

#endif
