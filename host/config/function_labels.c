#include "config/function_labels.h"

#include "base/alloc.h"

#include <ctype.h>
#include <string.h>

#define LABELS_MAX 64
#define NAME_MAX   128 /* bytes */
#define VALUE_MAX  4096

static bool is_label_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX || !isalnum((unsigned char)name[0]))
        return false;
    for (const char *p = name; *p; p++) {
        if (!isascii(*p) || !(isalnum((unsigned char)*p) || strchr("-._/", *p)))
            return false;
    }
    return true;
}

/* True when it can be a label; says why not. */
static bool check_label(const struct yaml_tree_entry *entry, struct reporter *reporter)
{
    const struct yaml_tree_node *key = entry->key, *value = entry->value;
    if (key->flaw || value->flaw)
        reporter_error(reporter, key->flaw ? key->at : value->at, NULL, "%s",
                       key->flaw ? key->flaw : value->flaw);
    else if (key->kind != YAML_TREE_SCALAR || !is_label_name(key->text))
        reporter_error(reporter, key->at,
                       "letters, digits, \"-\", \".\", \"_\" and \"/\", at most 128, a letter or digit first",
                       "%s cannot be the name of a label", yaml_tree_describe(key).text);
    else if (entry->first)
        reporter_error(reporter, key->at, "keep one of them", "duplicate label \"%s\", first on line %u",
                       quote(key->text).text, entry->first->key->at.line);
    else if (value->kind == YAML_TREE_SEQUENCE || value->kind == YAML_TREE_MAPPING)
        reporter_error(reporter, value->at, "quote the value to make it a text",
                       "the label \"%s\" must be a single value, not %s", quote(key->text).text,
                       yaml_tree_describe(value).text);
    else if (strlen(value->text) > VALUE_MAX)
        reporter_error(reporter, value->at, NULL, "the label \"%s\" is longer than 4096 bytes",
                       quote(key->text).text);
    else
        return true;
    return false;
}

void function_labels_read(const struct yaml_tree_node *node, struct function_settings *settings,
                          struct reporter *reporter)
{
    if (!node || node->kind != YAML_TREE_MAPPING)
        return;
    if (node->count > LABELS_MAX) {
        reporter_error(reporter, node->at, NULL, "\"labels\" has %zu labels; 64 are possible", node->count);
        return;
    }
    settings->labels = xcalloc(node->count, sizeof(*settings->labels));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_tree_entry *entry = &node->entries[i];
        if (!check_label(entry, reporter))
            continue;
        settings->labels[settings->label_count++] =
            (struct text_pair){xstrdup(entry->key->text), xstrdup(entry->value->text), entry->value->at.line,
                               entry->value->at.column};
    }
}
