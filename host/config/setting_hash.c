#include "config/setting.h"

#include "config/setting_egress.h"
#include "config/setting_folders.h"
#include "config/setting_networks.h"
#include "config/setting_packages.h"

#include <string.h>

static bool is_text(const struct setting *setting)
{
    return setting->as_text || setting->type == SETTING_STRING || setting->type == SETTING_ADDRESS;
}

static bool is_plain(const struct setting *setting)
{
    return !is_text(setting) && setting->type != SETTING_MAPPING && setting->type != SETTING_ENTRIES &&
           setting->type != SETTING_LIST && setting->type != SETTING_ANY &&
           setting->type != SETTING_NETWORKS && setting->type != SETTING_FOLDERS &&
           setting->type != SETTING_PACKAGES && setting->type != SETTING_EGRESS;
}

static void hash_networks(const struct network_list *list, struct hash *hash)
{
    for (size_t i = 0; i < list->count; i++) {
        hash_update(hash, list->items[i].address.bytes, sizeof(list->items[i].address.bytes));
        hash_update(hash, &list->items[i].bits, sizeof(list->items[i].bits));
    }
}

static void hash_folders(const struct folder_list *list, struct hash *hash)
{
    for (size_t i = 0; i < list->count; i++)
        hash_update_text(hash, list->items[i]);
}

void setting_hash(const struct setting *setting, const void *target, struct hash *hash)
{
    const void *member = (const char *)target + setting->offset;
    if (is_text(setting))
        hash_update_text(hash, *(char *const *)member);
    else if (setting->type == SETTING_NETWORKS)
        hash_networks(member, hash);
    else if (setting->type == SETTING_FOLDERS)
        hash_folders(member, hash);
    else if (setting->type == SETTING_PACKAGES)
        setting_packages_hash(member, hash);
    else if (setting->type == SETTING_EGRESS)
        setting_egress_hash(member, hash);
    else if (is_plain(setting))
        hash_update(hash, member, setting->width);
}

void setting_hash_all(const struct setting_table *table, const void *target, enum setting_change change,
                      struct hash *hash)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->settings[i].change != change)
            continue;
        hash_update_text(hash, table->settings[i].name);
        setting_hash(&table->settings[i], target, hash);
    }
}

void setting_copy_applied(const struct setting_table *table, const void *from, void *to)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *setting = &table->settings[i];
        if (setting->change == CHANGE_APPLIES && is_plain(setting))
            memcpy((char *)to + setting->offset, (const char *)from + setting->offset, setting->width);
    }
}
