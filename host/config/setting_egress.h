/* Values of SETTING_EGRESS: "none", or a list of what may be reached. */
#ifndef CONFIG_SETTING_EGRESS_H
#define CONFIG_SETTING_EGRESS_H

#include "base/hash.h"
#include "config/egress.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

#include <jansson.h>

/* Reads `node` into *egress in place of what was there. Every mistake is reported where it stands, and
 * *egress is left as it was then: -1. `key` is the spelling to show. */
int setting_egress_store(const char *key, const struct yaml_tree_node *node, struct egress *egress,
                         struct reporter *reporter);

/* Null, "none" or a list of texts, and back; -1: it is none of these. The caller owns the JSON. */
json_t *setting_egress_json(const struct egress *egress);
int setting_egress_from_json(const json_t *json, struct egress *egress);

void setting_egress_hash(const struct egress *egress, struct hash *hash);

#endif
