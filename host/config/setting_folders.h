/*
 * Values of SETTING_FOLDERS: a list of folders of this machine, or one of them, by absolute paths. They are
 * folders whose content is trusted, so the file must name what really is there, and nobody may change it whom
 * the file does not mean.
 */
#ifndef CONFIG_SETTING_FOLDERS_H
#define CONFIG_SETTING_FOLDERS_H

#include "base/folder_list.h"
#include "config/setting.h"

/* Reads `node` into *list in place of what was there, without what is wrong. That is reported where it
 * stands: as an error, -1, what is no absolute path of a folder, the root directory, a path with a symbolic
 * link in it, and a folder that others than its owner can change; as a warning one that is not there, which
 * is left out too, and one that belongs to somebody else than root, this user and the file's owner. `key` is
 * the spelling to show. */
int setting_folders_store(const char *key, const struct yaml_tree_node *node, struct folder_list *list,
                          struct reporter *reporter);

#endif
