#include "config/function_language.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/suggest.h"

#include <string.h>
#include <strings.h>

#define LANGUAGES_SHOWN_MAX 64 /* spellings that a misspelt language is compared with */

/* The plugin's declaration as a table; option i is stored as the i-th of an array of texts. */
static void make_option_table(struct arena *arena, const struct language *language,
                              struct setting_table *table)
{
    static const enum setting_type types[] = {
        [OPTION_STRING] = SETTING_STRING,
        [OPTION_INTEGER] = SETTING_INTEGER,
        [OPTION_BOOLEAN] = SETTING_BOOLEAN,
        [OPTION_DECIMAL] = SETTING_DECIMAL,
    };
    struct setting *settings = arena_alloc(arena, language->option_count * sizeof(*settings));
    for (size_t i = 0; i < language->option_count; i++) {
        const struct language_option *option = &language->options[i];
        const char **aliases = arena_alloc(arena, (option->alias_count + 1) * sizeof(*aliases));
        for (size_t j = 0; j < option->alias_count; j++)
            aliases[j] = option->aliases[j];
        settings[i] = (struct setting){
            .name = option->name,
            .aliases = aliases,
            .type = types[option->type],
            .offset = i * sizeof(char *),
            .width = sizeof(char *),
            .as_text = true,
            .min = option->min,
            .max = option->max,
            .default_text = option->default_value,
        };
    }
    *table = (struct setting_table){settings, language->option_count, language->name, NULL, NULL};
}

const struct setting_table *function_language_tables(struct arena *arena, const struct language *languages,
                                                     size_t language_count)
{
    struct setting_table *tables = arena_alloc(arena, language_count * sizeof(*tables));
    for (size_t i = 0; i < language_count; i++)
        make_option_table(arena, &languages[i], &tables[i]);
    return tables;
}

static bool has_alias(const struct language *language, const char *name)
{
    for (size_t i = 0; i < language->alias_count; i++) {
        if (strcasecmp(language->aliases[i], name) == 0)
            return true;
    }
    return false;
}

int function_language_find(const struct language *languages, size_t language_count, const char *name)
{
    for (size_t i = 0; i < language_count; i++) {
        if (!languages[i].refusal && strcasecmp(languages[i].name, name) == 0)
            return (int)i;
    }
    for (size_t i = 0; i < language_count; i++) {
        if (has_alias(&languages[i], name))
            return (int)i;
    }
    return -1;
}

/* The language whose name or alias is nearest to `name`, or -1. */
static int nearest_language(const struct language *languages, size_t language_count, const char *name,
                            const char **ret_spelling)
{
    const char *spellings[LANGUAGES_SHOWN_MAX];
    size_t count = 0;
    for (size_t i = 0; i < language_count; i++) {
        const struct language *language = &languages[i];
        if (count < LANGUAGES_SHOWN_MAX && !language->refusal)
            spellings[count++] = language->name;
        for (size_t j = 0; j < language->alias_count && count < LANGUAGES_SHOWN_MAX; j++)
            spellings[count++] = language->aliases[j];
    }
    *ret_spelling = suggest_nearest(name, spellings, count);
    return *ret_spelling ? function_language_find(languages, language_count, *ret_spelling) : -1;
}

/* "there are plugins for a, b and c" */
static char *list_languages(const struct language *languages, size_t language_count)
{
    size_t usable = 0, named = 0;
    for (size_t i = 0; i < language_count; i++)
        usable += !languages[i].refusal;
    if (usable == 0)
        return xstrdup("no plugin is installed");
    struct strbuf list;
    strbuf_init(&list, 1024);
    strbuf_append_text(&list, "there are plugins for ");
    for (size_t i = 0; i < language_count; i++) {
        if (languages[i].refusal)
            continue;
        const char *separator = named == 0 ? "" : named + 1 < usable ? ", " : " and ";
        strbuf_append_format(&list, "%s%s", separator, languages[i].name);
        named++;
    }
    return strbuf_steal(&list);
}

/* The refused plugin that stands for `name`, or NULL. */
static const struct language *find_refused(const struct language *languages, size_t language_count,
                                           const char *name)
{
    for (size_t i = 0; i < language_count; i++) {
        if (languages[i].refusal && strcasecmp(languages[i].name, name) == 0)
            return &languages[i];
    }
    return NULL;
}

int function_language_read(const struct language *languages, size_t language_count,
                           const struct yaml_tree_node *node, struct position missing_at,
                           struct reporter *reporter)
{
    if (!languages || (node && (node->kind != YAML_TREE_SCALAR || node->flaw)))
        return -1; /* not wanted, or reported as a wrong type with the other keys */
    cleanup_free char *known = list_languages(languages, language_count);
    if (!node || !*node->text) {
        cleanup_free char *hint = xasprintf("add \"programing_language:\"; %s", known);
        reporter_error(reporter, missing_at, hint, "the function has no programing_language");
        return -1;
    }
    int index = function_language_find(languages, language_count, node->text);
    if (index >= 0)
        return index;
    const struct language *refused = find_refused(languages, language_count, node->text);
    if (refused) {
        reporter_error(reporter, node->at, "mend or replace the plugin, then reload",
                       "the plugin of the language \"%s\" was refused: %s", quote(node->text).text,
                       refused->refusal);
        return -1;
    }
    const char *nearest;
    index = nearest_language(languages, language_count, node->text, &nearest);
    cleanup_free char *hint =
        nearest ? xasprintf("did you mean \"%s\"?", nearest)
                : xasprintf("%s; another language needs its plugin in the plugin folder", known);
    reporter_error(reporter, node->at, hint, "unknown language \"%s\"", quote(node->text).text);
    return index;
}
