#include "config/function_secrets.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRETS_MAX  256 /* files of a function */
#define VARIABLE_KEY "secret"

static struct secret_use *add(struct function_settings *settings, const char *name, const char *variable)
{
    settings->secrets = xgrow(settings->secrets, settings->secret_count, sizeof(*settings->secrets));
    struct secret_use *use = &settings->secrets[settings->secret_count++];
    *use = (struct secret_use){.name = xstrdup(name), .variable = variable ? xstrdup(variable) : NULL};
    return use;
}

static void add_at(struct function_settings *settings, const struct yaml_tree_node *name,
                   const char *variable)
{
    struct secret_use *use = add(settings, name->text, variable);
    use->line = name->at.line;
    use->column = name->at.column;
}

/* --- from YAML --- */

static bool check_name(const struct yaml_tree_node *name, struct reporter *reporter)
{
    if (name->flaw)
        reporter_error(reporter, name->at, NULL, "%s", name->flaw);
    else if (name->kind != YAML_TREE_SCALAR || !secret_name_is_valid(name->text))
        reporter_error(reporter, name->at, SECRET_NAME_RULE, "%s cannot be the name of a secret",
                       yaml_tree_describe(name).text);
    else
        return true;
    return false;
}

static bool is_listed(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        if (!settings->secrets[i].variable && strcmp(settings->secrets[i].name, name) == 0)
            return true;
    }
    return false;
}

void function_secrets_read(const struct yaml_tree_node *list, struct reporter *reporter,
                           struct function_settings *settings)
{
    if (!list || list->kind != YAML_TREE_SEQUENCE)
        return;
    if (list->count > SECRETS_MAX) {
        reporter_error(reporter, list->at, NULL, "\"secrets\" has %zu names; %d are possible", list->count,
                       SECRETS_MAX);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_tree_node *name = list->entries[i].value;
        if (!check_name(name, reporter))
            continue;
        if (is_listed(settings, name->text))
            reporter_error(reporter, name->at, "keep one of them", "the secret \"%s\" is listed twice",
                           quote(name->text).text);
        else
            add_at(settings, name, NULL);
    }
}

bool function_secrets_check_variable(const struct yaml_tree_entry *variable, struct reporter *reporter)
{
    const struct yaml_tree_node *value = variable->value, *name = yaml_tree_get(value, VARIABLE_KEY);
    if (name && value->count == 1)
        return check_name(name, reporter);
    reporter_error(reporter, value->at, "quote a text; {secret: NAME} is the value of a secret",
                   "the environment variable \"%s\" must be a single value, not %s",
                   quote(variable->key->text).text, yaml_tree_describe(value).text);
    return false;
}

void function_secrets_add_variable(const struct yaml_tree_entry *variable, struct function_settings *settings)
{
    add_at(settings, yaml_tree_get(variable->value, VARIABLE_KEY), variable->key->text);
}

/* --- which there are --- */

static void report_unknown(const struct secret_use *use, struct position at,
                           const struct known_secrets *known, struct reporter *reporter)
{
    cleanup_free const char **names = xcalloc(known->count, sizeof(*names));
    for (size_t i = 0; i < known->count; i++)
        names[i] = known->items[i].name;
    const char *near = suggest_nearest(use->name, names, known->count);
    cleanup_free char *hint =
        near ? xasprintf("did you mean \"%s\"? Else: berth secret set %s", near, use->name)
             : xasprintf("berth secret set %s", use->name);
    reporter_error(reporter, at, hint, "there is no secret \"%s\"", use->name);
}

static void check(const struct secret_use *use, const struct known_secrets *known, struct reporter *reporter)
{
    const struct known_secret *found = known_secrets_find(known, use->name);
    struct position at = {use->line, use->column};
    if (!found)
        report_unknown(use, at, known, reporter);
    else if (found->problem)
        reporter_error(reporter, at, "berth secret ls shows what can be had",
                       "the secret \"%s\" cannot be had: %s", use->name, found->problem);
    else if (use->variable && found->unfit)
        reporter_error(reporter, at, "list it in \"secrets\", which makes it a file",
                       "the secret \"%s\" cannot be a variable: its value %s", use->name, found->unfit);
}

void function_secrets_check(const struct function_settings *settings, const struct known_secrets *known,
                            struct reporter *reporter)
{
    for (size_t i = 0; i < settings->secret_count; i++)
        check(&settings->secrets[i], known, reporter);
    const struct call_settings *calls = &settings->calls;
    const struct secret_use signing = {.name = calls->callback_secret,
                                       .line = calls->callback_secret_at.line,
                                       .column = calls->callback_secret_at.column};
    if (calls->callback_secret && secret_name_is_valid(calls->callback_secret))
        check(&signing, known, reporter);
}

bool function_settings_renew_secrets(struct function_settings *settings, const struct known_secrets *known)
{
    bool differs = false;
    for (size_t i = 0; i < settings->secret_count; i++) {
        struct secret_use *use = &settings->secrets[i];
        const struct known_secret *found = known_secrets_find(known, use->name);
        const char *digest = found ? found->digest : "";
        differs = differs || strcmp(use->digest, digest) != 0;
        snprintf(use->digest, sizeof(use->digest), "%s", digest);
    }
    return differs;
}

/* --- what they make of a function --- */

void function_secrets_hash(const struct function_settings *settings, struct hash *hash)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        hash_update_text(hash, settings->secrets[i].name);
        hash_update_text(hash, settings->secrets[i].variable);
        hash_update_text(hash, settings->secrets[i].digest);
    }
}

void function_secrets_show(const struct function_settings *settings, json_t *object)
{
    json_t *files = json_array(), *variables = json_object();
    for (size_t i = 0; i < settings->secret_count; i++) {
        const struct secret_use *use = &settings->secrets[i];
        if (use->variable)
            json_object_set_new(variables, use->variable, json_text(use->name));
        else
            json_array_append_new(files, json_text(use->name));
    }
    json_object_set_new(object, "secrets", files);
    json_object_set_new(object, "environment_secrets", variables);
}

/* --- kept --- */

void function_secrets_keep(const struct function_settings *settings, json_t *kept)
{
    json_t *files = json_object(), *variables = json_object();
    for (size_t i = 0; i < settings->secret_count; i++) {
        const struct secret_use *use = &settings->secrets[i];
        json_object_set_new(use->variable ? variables : files, use->variable ? use->variable : use->name,
                            json_pack("{s:s, s:s}", "secret", use->name, "digest", use->digest));
    }
    json_object_set_new(kept, "secrets", files);
    json_object_set_new(kept, "environment_secrets", variables);
}

static int recall(const json_t *object, bool are_variables, struct function_settings *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *name = json_string_value(json_object_get(value, "secret"));
        const char *digest = json_string_value(json_object_get(value, "digest"));
        if (!name || !secret_name_is_valid(name) || !digest || settings->secret_count > 2 * SECRETS_MAX)
            return -1;
        struct secret_use *use = add(settings, name, are_variables ? key : NULL);
        snprintf(use->digest, sizeof(use->digest), "%s", digest);
    }
    return 0;
}

int function_secrets_recall(const json_t *kept, struct function_settings *settings)
{
    if (recall(json_object_get(kept, "secrets"), false, settings) < 0)
        return -1;
    return recall(json_object_get(kept, "environment_secrets"), true, settings);
}

/* --- the list --- */

struct secret_use *secret_uses_copy(const struct secret_use *uses, size_t count)
{
    struct secret_use *copy = xcalloc(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = uses[i];
        copy[i].name = xstrdup(uses[i].name);
        copy[i].variable = uses[i].variable ? xstrdup(uses[i].variable) : NULL;
    }
    return copy;
}

void secret_uses_free(struct secret_use *uses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(uses[i].name);
        free(uses[i].variable);
    }
    free(uses);
}
