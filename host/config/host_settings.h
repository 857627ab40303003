/* The daemon's own settings: the `host:` section. */
#ifndef CONFIG_HOST_SETTINGS_H
#define CONFIG_HOST_SETTINGS_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"
#include "config/yaml_tree.h"

extern const struct setting_table host_table;

/* Fills in the defaults, then applies `node`, the section's value; NULL or null when there is none. The
 * caller clears *ret_settings and frees *ret_rows. */
void host_settings_read(const struct yaml_tree_node *node, struct reporter *reporter,
                        struct host_settings *ret_settings, struct host_row **ret_rows);

/* Notes the digests of the settings as they are. */
void host_settings_note(const struct host_settings *settings, struct host_row *rows);

void host_settings_clear(struct host_settings *settings);

#endif
