#include "config/setting.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "config/egress.h"
#include "config/setting_folders.h"
#include "config/setting_networks.h"
#include "config/setting_packages.h"

#include <string.h>

#define CANDIDATES_MAX 128 /* spellings that a misspelt key is compared with */

static bool is_spelling(const struct setting *setting, const char *key)
{
    if (strcmp(setting->name, key) == 0)
        return true;
    for (const char *const *alias = setting->aliases; alias && *alias; alias++) {
        if (strcmp(*alias, key) == 0)
            return true;
    }
    return false;
}

/* The setting called `name` (its name or an alias), or NULL. */
static const struct setting *find_setting(const struct setting_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (is_spelling(&table->settings[i], name))
            return &table->settings[i];
    }
    return NULL;
}

const struct yaml_tree_node *setting_peek(const struct setting_table *table, const char *name,
                                          const struct yaml_tree_node *mapping)
{
    const struct setting *setting = find_setting(table, name);
    for (size_t i = 0; setting && i < mapping->count; i++) {
        const struct yaml_tree_entry *entry = &mapping->entries[i];
        if (entry->key && entry->key->kind == YAML_TREE_SCALAR && is_spelling(setting, entry->key->text) &&
            entry->value->kind != YAML_TREE_NULL)
            return entry->value;
    }
    return NULL;
}

const struct yaml_tree_node *setting_found(const struct setting_layer *layer, const char *name)
{
    const struct setting *setting = find_setting(layer->table, name);
    return setting ? layer->found[setting - layer->table->settings] : NULL;
}

void setting_defaults(const struct setting_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++)
        setting_store_default(&table->settings[i], target);
}

void setting_clear(const struct setting_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *setting = &table->settings[i];
        if (setting->type == SETTING_NETWORKS)
            network_list_clear((struct network_list *)((char *)target + setting->offset));
        if (setting->type == SETTING_FOLDERS)
            folder_list_clear((struct folder_list *)((char *)target + setting->offset));
        if (setting->type == SETTING_PACKAGES)
            package_list_clear((struct package_list *)((char *)target + setting->offset));
        if (setting->type == SETTING_EGRESS)
            egress_clear((struct egress *)((char *)target + setting->offset));
        if (setting->type != SETTING_STRING && setting->type != SETTING_ADDRESS && !setting->as_text)
            continue;
        char **member = (char **)((char *)target + setting->offset);
        free(*member);
        *member = NULL;
    }
}

/* The known spelling nearest to `key`, or NULL. */
static const char *nearest_key(const struct setting_layer *layers, size_t layer_count, const char *key)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < layer_count; i++) {
        for (size_t j = 0; j < layers[i].table->count; j++) {
            const struct setting *setting = &layers[i].table->settings[j];
            if (count < CANDIDATES_MAX)
                candidates[count++] = setting->name;
            for (const char *const *alias = setting->aliases; alias && *alias; alias++) {
                if (count < CANDIDATES_MAX)
                    candidates[count++] = *alias;
            }
        }
    }
    return suggest_nearest(key, candidates, count);
}

static char *list_of_keys(const struct setting_layer *layers, size_t layer_count)
{
    struct strbuf list;
    strbuf_init(&list, 4096);
    strbuf_append_text(&list, "possible here: ");
    for (size_t i = 0; i < layer_count; i++) {
        for (size_t j = 0; j < layers[i].table->count; j++)
            strbuf_append_format(&list, "%s%s", i + j > 0 ? ", " : "", layers[i].table->settings[j].name);
    }
    return strbuf_steal(&list);
}

/* No value, an empty text, or a list or mapping without members. */
static bool is_empty(const struct yaml_tree_node *node)
{
    if (node->kind == YAML_TREE_SCALAR)
        return !*node->text && !node->flaw;
    return node->kind == YAML_TREE_NULL || (!node->flaw && node->count == 0);
}

/* Whether the value leaves the setting as it is. Of networks nobody shall have to guess whether nothing means
 * all or none, and no cause, and nothing that may be reached, is a choice, too. */
static bool says_nothing(const struct setting *setting, const struct yaml_tree_node *node)
{
    bool may_be_empty = setting->type == SETTING_NETWORKS || setting->type == SETTING_CAUSES ||
                        setting->type == SETTING_EGRESS;
    return node->kind == YAML_TREE_NULL || (!may_be_empty && is_empty(node));
}

/* A key without a value that is nobody's asks for nothing: files name settings of one language with others.
 */
static void report_unknown(const struct setting_layer *layers, size_t layer_count,
                           const struct yaml_tree_entry *entry, enum setting_unknown unknown,
                           struct reporter *reporter)
{
    const struct yaml_tree_node *key = entry->key;
    if (unknown == UNKNOWN_IS_IGNORED)
        return;
    const struct setting_table *table = layers[0].table;
    const char *nearest = nearest_key(layers, layer_count, key->text);
    bool misplaced = table->neighbour && find_setting(table->neighbour, key->text);
    if ((unknown == UNKNOWN_IF_NEAR_IS_ERROR || is_empty(entry->value)) && !nearest && !misplaced)
        return;
    cleanup_free char *hint = NULL;
    if (misplaced)
        hint = xstrdup(table->neighbour_hint);
    else if (nearest)
        hint = xasprintf("did you mean \"%s\"?", nearest);
    else
        hint = list_of_keys(layers, layer_count);
    reporter_error(reporter, key->at, hint, "unknown key \"%s\" in %s", quote(key->text).text, table->where);
}

/* The layer that has `key`; *ret_setting is then its setting. */
static const struct setting_layer *find_layer(const struct setting_layer *layers, size_t layer_count,
                                              const char *key, const struct setting **ret_setting)
{
    for (size_t i = 0; i < layer_count; i++) {
        const struct setting *setting = find_setting(layers[i].table, key);
        if (setting) {
            *ret_setting = setting;
            return &layers[i];
        }
    }
    return NULL;
}

/* Whether the key can be looked up at all; says why not. */
static bool key_is_usable(const struct yaml_tree_entry *entry, struct reporter *reporter)
{
    const struct yaml_tree_node *key = entry->key;
    if (key->flaw)
        reporter_error(reporter, key->at, NULL, "%s", key->flaw);
    else if (key->kind != YAML_TREE_SCALAR)
        reporter_error(reporter, key->at, NULL, "a key must be a word, not %s", yaml_tree_describe(key).text);
    else if (entry->first)
        reporter_error(reporter, key->at, "keep one of them", "duplicate key \"%s\", first on line %u",
                       quote(key->text).text, entry->first->key->at.line);
    else
        return true;
    return false;
}

void setting_apply(const struct setting_layer *layers, size_t layer_count,
                   const struct yaml_tree_node *mapping, enum setting_unknown unknown,
                   struct reporter *reporter)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_tree_entry *entry = &mapping->entries[i];
        if (!key_is_usable(entry, reporter))
            continue;
        const struct setting *setting;
        const struct setting_layer *layer = find_layer(layers, layer_count, entry->key->text, &setting);
        if (!layer) {
            report_unknown(layers, layer_count, entry, unknown, reporter);
            continue;
        }
        if (says_nothing(setting, entry->value))
            continue;
        const struct yaml_tree_node **found = &layer->found[setting - layer->table->settings];
        if (*found) {
            reporter_error(reporter, entry->key->at, "keep one of them",
                           "\"%s\" is set twice: another spelling of it stands on line %u", entry->key->text,
                           (*found)->at.line);
            continue;
        }
        *found = entry->value;
        setting_store(setting, entry->key->text, entry->value, layer->target, reporter);
    }
}
