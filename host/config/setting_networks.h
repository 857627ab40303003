/* Values of SETTING_NETWORKS: a list of addresses and networks, or one text with commas between them. */
#ifndef CONFIG_SETTING_NETWORKS_H
#define CONFIG_SETTING_NETWORKS_H

#include "base/network.h"
#include "config/setting.h"

/* Reads `node` into *list in place of what was there. Every mistake is reported where it stands, and *list is
 * left as it was then: -1. `key` is the spelling to show. */
int setting_networks_store(const char *key, const struct yaml_tree_node *node, struct network_list *list,
                           struct reporter *reporter);

/* Reads the text of a default, which must be right. */
void setting_networks_default(const char *text, struct network_list *list);

#endif
