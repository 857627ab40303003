#include "config/setting_packages.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <string.h>

#define COUNT_MAX 256
#define BLANKS    " \t\r\n"

/* A scalar's words on their way in. */
struct reading {
    const char *key;
    struct package_list *list;
    struct reporter *reporter;
};

static int add_word(const struct reading *reading, const char *word, struct position at)
{
    struct reporter *reporter = reading->reporter;
    const struct package_word *same = NULL;
    if (!package_list_is_word(word)) {
        reporter_error(reporter, at,
                       "lower-case letters, digits, \"+\", \"-\" and \".\", and \"=VERSION\" behind it where "
                       "one is wanted",
                       "\"%s\": \"%s\" cannot be a package", reading->key, quote(word).text);
        return -1;
    }
    if ((same = package_list_find(reading->list, word)) && strcmp(same->text, word) != 0) {
        reporter_error(reporter, at, "keep one of them", "\"%s\" has both \"%s\" and \"%s\"", reading->key,
                       quote(same->text).text, quote(word).text);
        return -1;
    }
    if (!same && reading->list->count == COUNT_MAX) {
        reporter_error(reporter, at, NULL, "\"%s\" has more than %d packages", reading->key, COUNT_MAX);
        return -1;
    }
    package_list_add(reading->list, word, at);
    return 0;
}

static int add_scalar(const struct reading *reading, const struct yaml_tree_node *node)
{
    int rc = 0;
    if (node->flaw) {
        reporter_error(reading->reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (node->kind != YAML_TREE_SCALAR) {
        reporter_error(reading->reporter, node->at, "such as [jq, imagemagick], or \"jq imagemagick\"",
                       "\"%s\" must be a list of packages; %s is none", reading->key,
                       yaml_tree_describe(node).text);
        return -1;
    }
    for (const char *word = node->text + strspn(node->text, BLANKS); *word;) {
        size_t length = strcspn(word, BLANKS);
        struct position at = node->text_at;
        at.column += (unsigned)(word - node->text);
        cleanup_free char *copy = xstrndup(word, length);
        if (add_word(reading, copy, at.line > 0 ? at : node->at) < 0)
            rc = -1;
        word += length;
        word += strspn(word, BLANKS);
    }
    return rc;
}

int setting_packages_store(const char *key, const struct yaml_tree_node *node, struct package_list *list,
                           struct reporter *reporter)
{
    const struct reading reading = {key, list, reporter};
    package_list_clear(list);
    if (node->kind != YAML_TREE_SEQUENCE)
        return add_scalar(&reading, node);
    int rc = 0;
    for (size_t i = 0; i < node->count; i++) {
        if (add_scalar(&reading, node->entries[i].value) < 0)
            rc = -1;
    }
    return rc;
}

json_t *setting_packages_json(const struct package_list *list)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(texts, json_string(list->items[i].text));
    return texts;
}

int setting_packages_from_json(const json_t *json, struct package_list *list)
{
    package_list_clear(list);
    if (!json_is_array(json) || json_array_size(json) > COUNT_MAX)
        return -1;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const char *text = json_string_value(json_array_get(json, i));
        if (!text || !package_list_is_word(text))
            return -1;
        package_list_add(list, text, (struct position){0});
    }
    return 0;
}

void setting_packages_hash(const struct package_list *list, struct hash *hash)
{
    for (size_t i = 0; i < list->count; i++)
        hash_update_text(hash, list->items[i].text);
    hash_update_text(hash, NULL);
}
