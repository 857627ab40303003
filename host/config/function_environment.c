#include "config/function_environment.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "config/dotenv.h"
#include "config/function_secrets.h"

#include <ctype.h>
#include <string.h>

#define ENVIRONMENT_MAX       256 /* variables of a function */
#define ENVIRONMENT_VALUE_MAX 65536 /* bytes of a value */
#define FILE_MAX              (1u << 20)

/* --- `environment` --- */

static bool is_variable_name(const char *name)
{
    if (!*name || isdigit((unsigned char)*name))
        return false;
    for (const char *p = name; *p; p++) {
        if (!isascii(*p) || !(isalnum((unsigned char)*p) || *p == '_'))
            return false;
    }
    return true;
}

/* True when the variable can be set; says why not. */
static bool check_variable(const struct yaml_tree_entry *entry, struct reporter *reporter)
{
    const struct yaml_tree_node *key = entry->key, *value = entry->value;
    if (key->flaw || value->flaw)
        reporter_error(reporter, key->flaw ? key->at : value->at, NULL, "%s",
                       key->flaw ? key->flaw : value->flaw);
    else if (key->kind != YAML_TREE_SCALAR || !is_variable_name(key->text))
        reporter_error(reporter, key->at, "letters, digits and \"_\", no digit first",
                       "%s cannot be the name of an environment variable", yaml_tree_describe(key).text);
    else if (strncmp(key->text, "BERTH_", 6) == 0)
        reporter_error(reporter, key->at, "names that begin with BERTH_ are set by the host",
                       "the environment variable \"%s\" is reserved", quote(key->text).text);
    else if (entry->first)
        reporter_error(reporter, key->at, "keep one of them",
                       "duplicate environment variable \"%s\", first on line %u", quote(key->text).text,
                       entry->first->key->at.line);
    else if (value->kind == YAML_TREE_MAPPING)
        return function_secrets_check_variable(entry, reporter);
    else if (value->kind == YAML_TREE_SEQUENCE)
        reporter_error(reporter, value->at, "quote the value to make it a text",
                       "the environment variable \"%s\" must be a single value, not %s",
                       quote(key->text).text, yaml_tree_describe(value).text);
    else if (strlen(value->text) > ENVIRONMENT_VALUE_MAX)
        reporter_error(reporter, value->at, "put it into a file of the function",
                       "the environment variable \"%s\" is longer than 64 KiB", quote(key->text).text);
    else
        return true;
    return false;
}

static struct text_pair *add(struct function_settings *settings)
{
    settings->environment =
        xgrow(settings->environment, settings->environment_count, sizeof(*settings->environment));
    return &settings->environment[settings->environment_count++];
}

/* "${NAME}" means something to shells and to other tools, and nothing here. */
static void check_references(const char *name, const char *value, struct position at,
                             struct reporter *reporter)
{
    const char *begin = strstr(value, "${");
    size_t length = begin ? strcspn(begin, "}") : 0;
    if (!begin || begin[length] != '}' || !(isalpha((unsigned char)begin[2]) || begin[2] == '_'))
        return;
    reporter_warning(reporter, at,
                     "a value of this machine's own comes from a secret, {secret: NAME}, or from a file, "
                     "env_file",
                     "\"%.40s\" in the variable \"%s\" stays as it is: nothing is replaced",
                     quote(begin).text, quote(name).text);
}

static void read_environment(const struct yaml_tree_node *node, struct reporter *reporter,
                             struct function_settings *settings)
{
    if (node->count > ENVIRONMENT_MAX) {
        reporter_error(reporter, node->at, NULL, "\"environment\" has %zu variables; 256 are possible",
                       node->count);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_tree_entry *entry = &node->entries[i];
        if (!check_variable(entry, reporter) || entry->value->kind == YAML_TREE_NULL)
            continue;
        if (entry->value->kind == YAML_TREE_MAPPING) {
            function_secrets_add_variable(entry, settings);
            continue;
        }
        check_references(entry->key->text, entry->value->text, entry->value->at, reporter);
        *add(settings) = (struct text_pair){xstrdup(entry->key->text), xstrdup(entry->value->text),
                                            entry->value->at.line, entry->value->at.column};
    }
}

/* --- `env_file` --- */

/* What a variable has already: `fixed` of them are of `environment`, which wins. */
static struct text_pair *find(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->environment_count; i++) {
        if (strcmp(settings->environment[i].name, name) == 0)
            return &settings->environment[i];
    }
    return NULL;
}

static bool is_secret(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        if (settings->secrets[i].variable && strcmp(settings->secrets[i].variable, name) == 0)
            return true;
    }
    return false;
}

/* Takes one; of those that the file repeats the last one. */
static void take(struct function_settings *settings, size_t fixed, struct dotenv_entry *entry)
{
    struct text_pair *pair = find(settings, entry->name);
    if (is_secret(settings, entry->name) || (pair && pair < settings->environment + fixed))
        return;
    if (pair) {
        free(pair->value);
        pair->value = steal(&entry->value);
        return;
    }
    *add(settings) = (struct text_pair){.name = steal(&entry->name), .value = steal(&entry->value)};
}

static bool check_entry(const struct function_settings *settings, const struct dotenv_entry *entry,
                        struct reporter *reporter)
{
    if (entry->problem)
        reporter_error(reporter, entry->at, "NAME=value, with quotes around what has blanks at its ends",
                       "%s", entry->problem);
    else if (strncmp(entry->name, "BERTH_", 6) == 0)
        reporter_error(reporter, entry->at, "names that begin with BERTH_ are set by the host",
                       "the environment variable \"%s\" is reserved", quote(entry->name).text);
    else if (strlen(entry->value) > ENVIRONMENT_VALUE_MAX)
        reporter_error(reporter, entry->at, "put it into a file of the function",
                       "the environment variable \"%s\" is longer than 64 KiB", quote(entry->name).text);
    else if (settings->environment_count >= ENVIRONMENT_MAX)
        reporter_error(reporter, entry->at, NULL, "this is more than the 256 variables that are possible");
    else
        return true;
    return false;
}

static void read_entries(const char *text, size_t size, struct reporter *reporter,
                         struct function_settings *settings)
{
    size_t fixed = settings->environment_count;
    struct dotenv file;
    struct dotenv_entry entry;
    dotenv_init(&file, text, size);
    while (dotenv_next(&file, &entry)) {
        if (check_entry(settings, &entry, reporter)) {
            if (!entry.is_quoted)
                check_references(entry.name, entry.value, entry.at, reporter);
            take(settings, fixed, &entry);
        }
        free(entry.name);
        free(entry.value);
    }
}

/* The file's place without links, which is in the place's folder or below. NULL: reported. The caller frees
 * it. */
static char *find_file(const struct env_file_place *place, const char *name, struct position at,
                       struct reporter *reporter)
{
    cleanup_free char *path = xasprintf("%s/%s", place->folder, name);
    cleanup_free char *hint = xasprintf("it is looked for beside %s", place->beside);
    cleanup_free char *real = realpath(path, NULL), *folder = realpath(place->folder, NULL);
    if (real && folder && *name != '/' && fs_is_within(real, folder))
        return steal(&real);
    if (real || *name == '/')
        reporter_error(reporter, at, hint, "\"env_file\" must be in the folder of %s, and %s is not",
                       place->beside, quote(name).text);
    else
        reporter_error(reporter, at, hint, "there is no file \"%s\"", quote(name).text);
    return NULL;
}

static void read_file(const struct env_file_place *place, const char *name, struct position at,
                      struct reporter *reporter, struct function_settings *settings)
{
    struct error err;
    size_t size;
    cleanup_free char *real = find_file(place, name, at, reporter), *text = NULL;
    if (!real)
        return;
    if (fs_read_file(real, FILE_MAX, &text, &size, &err) < 0) {
        reporter_error(reporter, at, NULL, "the \"env_file\" cannot be read: %s", err.message);
        return;
    }
    if (memchr(text, '\0', size)) {
        reporter_error(reporter, at, NULL, "the \"env_file\" has a NUL in it: it is no text");
        return;
    }
    cleanup_free char *shown = xasprintf("%s/%s", place->folder, name);
    struct reporter inside = *reporter;
    inside.file = shown;
    read_entries(text, size, &inside, settings);
    reporter->errors = inside.errors;
}

void function_environment_read(const struct env_file_place *place, const struct setting_layer *layer,
                               struct reporter *reporter, struct function_settings *settings)
{
    const struct yaml_tree_node *variables = setting_found(layer, "environment");
    const struct yaml_tree_node *file = setting_found(layer, "env_file");
    if (variables && variables->kind == YAML_TREE_MAPPING)
        read_environment(variables, reporter, settings);
    if (file && settings->env_file)
        read_file(place, settings->env_file, file->at, reporter, settings);
}
