/*
 * Values of SETTING_PACKAGES: packages of the distribution, as a list or as one text with blanks between
 * them. Each is a name, or NAME=VERSION, as apt-get install takes it.
 */
#ifndef CONFIG_SETTING_PACKAGES_H
#define CONFIG_SETTING_PACKAGES_H

#include "base/hash.h"
#include "config/package_list.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

#include <jansson.h>

/* Reads `node` into *list in place of what was there, sorted and without doubles. What can be no package, and
 * two versions of one, is reported where it stands, and is left out: -1. `key` is the spelling to show. */
int setting_packages_store(const char *key, const struct yaml_tree_node *node, struct package_list *list,
                           struct reporter *reporter);

/* A list of texts and back, without places; -1: it is none. The caller owns the JSON. */
json_t *setting_packages_json(const struct package_list *list);
int setting_packages_from_json(const json_t *json, struct package_list *list);

/* Adds the packages to a hash, wherever they stand. */
void setting_packages_hash(const struct package_list *list, struct hash *hash);

#endif
