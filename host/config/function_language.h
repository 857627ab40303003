/* The languages of this host as the functions of a file name them. */
#ifndef CONFIG_FUNCTION_LANGUAGE_H
#define CONFIG_FUNCTION_LANGUAGE_H

#include "config/arena.h"
#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"
#include "config/yaml_tree.h"

/* The options that each language declares, as tables: option i is stored as the i-th of an array of texts.
 * Owned by the arena. */
const struct setting_table *function_language_tables(struct arena *arena, const struct language *languages,
                                                     size_t language_count);

/* The index of the language with this name, or else with this alias, in any case; or -1. */
int function_language_find(const struct language *languages, size_t language_count, const char *name);

/* The language of a function, for which `node` (or NULL) is given: the index to check the rest of the
 * function against, or -1. One that is missing (reported at `missing_at`) or unknown is reported; an obvious
 * slip of the pen is still checked as what was meant. With `languages` NULL nothing is checked. */
int function_language_read(const struct language *languages, size_t language_count,
                           const struct yaml_tree_node *node, struct position missing_at,
                           struct reporter *reporter);

#endif
