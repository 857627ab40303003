#include "config/setting_causes.h"

#include <string.h>

#define BETWEEN ", \t"

/* The words of a text; NULL, or where the one begins that is no cause. */
static const char *add_words(const char *text, struct retry_causes *causes)
{
    for (const char *word = text + strspn(text, BETWEEN); *word;) {
        size_t length = strcspn(word, BETWEEN);
        if (!retry_causes_add(causes, word, length))
            return word;
        word += length;
        word += strspn(word, BETWEEN);
    }
    return NULL;
}

static int add_scalar(const char *key, const struct yaml_tree_node *node, struct retry_causes *causes,
                      struct reporter *reporter)
{
    if (node->flaw) {
        reporter_error(reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (node->kind == YAML_TREE_SCALAR && !add_words(node->text, causes))
        return 0;
    reporter_error(reporter, node->at, "such as [5xx, 429, timeout, connection]",
                   "\"%s\" must be a list of statuses from 400 to 599, \"4xx\", \"5xx\", \"timeout\" and "
                   "\"connection\"; %s is none",
                   key, yaml_tree_describe(node).text);
    return -1;
}

int setting_causes_store(const char *key, const struct yaml_tree_node *node, struct retry_causes *causes,
                         struct reporter *reporter)
{
    struct retry_causes read = {0};
    int result = 0;
    if (node->kind != YAML_TREE_SEQUENCE)
        result = add_scalar(key, node, &read, reporter);
    for (size_t i = 0; node->kind == YAML_TREE_SEQUENCE && i < node->count; i++) {
        if (add_scalar(key, node->entries[i].value, &read, reporter) < 0)
            result = -1;
    }
    if (result == 0)
        *causes = read;
    return result;
}

void setting_causes_default(const char *text, struct retry_causes *causes)
{
    *causes = (struct retry_causes){0};
    add_words(text, causes);
}

int setting_causes_from_json(const json_t *json, struct retry_causes *causes)
{
    struct retry_causes read = {0};
    const json_t *word;
    size_t i;
    json_array_foreach(json, i, word)
    {
        if (!json_is_string(word) ||
            !retry_causes_add(&read, json_string_value(word), json_string_length(word)))
            return -1;
    }
    if (!json_is_array(json))
        return -1;
    *causes = read;
    return 0;
}
