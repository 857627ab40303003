/* The secrets that a function names: as files, in `secrets`, and as variables, in `environment`. Their values
 * are never here. */
#ifndef CONFIG_FUNCTION_SECRETS_H
#define CONFIG_FUNCTION_SECRETS_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

/* Reads the list of files; NULL and what is no list are none. */
void function_secrets_read(const struct yaml_tree_node *list, struct reporter *reporter,
                           struct function_settings *settings);

/* Whether the value of a variable, a mapping, is {secret: NAME}; says why not. */
bool function_secrets_check_variable(const struct yaml_tree_entry *variable, struct reporter *reporter);

/* Takes one that is. */
void function_secrets_add_variable(const struct yaml_tree_entry *variable,
                                   struct function_settings *settings);

/* Reports those that there are none of, or whose value cannot be had, or not so. */
void function_secrets_check(const struct function_settings *settings, const struct known_secrets *known,
                            struct reporter *reporter);

/* Adds names and digests. */
void function_secrets_hash(const struct function_settings *settings, struct hash *hash);

/* Names, for people: "secrets", and "environment_secrets" with those of variables. */
void function_secrets_show(const struct function_settings *settings, json_t *object);

/* Names and digests, for later. -1: they are none. */
void function_secrets_keep(const struct function_settings *settings, json_t *kept);
int function_secrets_recall(const json_t *kept, struct function_settings *settings);

#endif
