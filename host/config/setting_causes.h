/* Values of SETTING_CAUSES: what a call is tried again for, as a list of words, or as one text with commas or
 * blanks between them. */
#ifndef CONFIG_SETTING_CAUSES_H
#define CONFIG_SETTING_CAUSES_H

#include "config/reporter.h"
#include "config/retry_causes.h"
#include "config/yaml_tree.h"

/* Reads `node` into *causes in place of what was there; a word that is none is reported where it stands, and
 * nothing changes: -1. `key` is the spelling to show. */
int setting_causes_store(const char *key, const struct yaml_tree_node *node, struct retry_causes *causes,
                         struct reporter *reporter);

/* Reads a default, which must be right. */
void setting_causes_default(const char *text, struct retry_causes *causes);

/* From a list of words; -1: it is none. */
int setting_causes_from_json(const json_t *json, struct retry_causes *causes);

#endif
