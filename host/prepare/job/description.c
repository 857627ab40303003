#include "prepare/job/description.h"

#include "prepare/job/abi.h"
#include "prepare/job/plugin_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LENGTH_MAX   32
#define OPTION_LENGTH_MAX 64
#define HELP_LENGTH_MAX   512
#define ALIASES_MAX       32
#define OPTIONS_MAX       64

__attribute__((format(printf, 2, 3))) static int refuse(struct error *err, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    error_set(err, ERROR_PLUGIN_ABI, "%s", text);
    return error_hint(err, "this is a mistake in the plugin; tell its author");
}

static int refuse_size(const struct berth_plugin *plugin, struct error *err)
{
    return refuse(err, "struct_size of its description is %zu; at least %zu is expected", plugin->struct_size,
                  ABI_PLUGIN_LEAST);
}

static int check_version(const struct berth_plugin *plugin, struct error *err)
{
    if (plugin->struct_size < ABI_SIZE(berth_plugin, abi_minor))
        return refuse_size(plugin, err);
    if (plugin->abi_major == BERTH_ABI_MAJOR && plugin->abi_minor <= BERTH_ABI_MINOR)
        return 0;
    refuse(err, "it was made for plugin ABI %u.%u; this host expects %d.0 to %d.%d", plugin->abi_major,
           plugin->abi_minor, BERTH_ABI_MAJOR, BERTH_ABI_MAJOR, BERTH_ABI_MINOR);
    if (plugin->abi_major < BERTH_ABI_MAJOR)
        return error_hint(err, "build the plugin again with this host's berth/plugin.h");
    return error_hint(err, "upgrade Berth, or build the plugin again with this host's berth/plugin.h");
}

/* True when `text` has 1 to `max` bytes: a lower-case letter, then such letters, digits and `extra`. */
static bool is_word(const char *text, size_t max, char extra)
{
    size_t length = text ? strnlen(text, max + 1) : 0;
    if (length == 0 || length > max || text[0] < 'a' || text[0] > 'z')
        return false;
    for (const char *p = text; *p; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != extra)
            return false;
    }
    return true;
}

/* True when `text` has 1 to `max` visible ASCII characters without a space. */
static bool is_visible(const char *text, size_t max)
{
    size_t length = text ? strnlen(text, max + 1) : 0;
    if (length == 0 || length > max)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return true;
}

static int check_aliases(const char *const *aliases, const char *of, struct error *err)
{
    for (size_t i = 0; aliases && aliases[i]; i++) {
        if (i == ALIASES_MAX)
            return refuse(err, "%s has more than %d aliases, or their list is not ended by NULL", of,
                          ALIASES_MAX);
        if (!is_visible(aliases[i], OPTION_LENGTH_MAX))
            return refuse(err, "an alias of %s is empty, longer than %d bytes or not visible ASCII", of,
                          OPTION_LENGTH_MAX);
    }
    return 0;
}

/* Reads a number as a default is written; false when it is not one. */
static bool read_number(const struct berth_option *option, double *ret_number)
{
    char *end;
    errno = 0;
    if (option->type == BERTH_OPTION_INTEGER)
        *ret_number = (double)strtoll(option->default_value, &end, 10);
    else
        *ret_number = strtod(option->default_value, &end);
    return errno == 0 && end != option->default_value && *end == '\0';
}

static int check_default(const struct berth_option *option, struct error *err)
{
    const char *text = option->default_value;
    double size = (double)strlen(text);
    if (option->type == BERTH_OPTION_BOOLEAN) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return refuse(err, "the default of option %s is \"%.64s\"; true or false is expected",
                          option->name, text);
        return 0;
    }
    if (option->type != BERTH_OPTION_STRING && !read_number(option, &size))
        return refuse(err, "the default of option %s is \"%.64s\"; a number is expected", option->name, text);
    bool bounded = option->min != 0 || option->max != 0;
    if (bounded && (size < option->min || size > option->max))
        return refuse(err, "the default of option %s is out of its range", option->name);
    return 0;
}

static int check_option(const struct berth_option *option, size_t number, struct error *err)
{
    if (!is_word(option->name, OPTION_LENGTH_MAX, '_'))
        return refuse(err, "option %zu: its name does not match [a-z][a-z0-9_]*, at most %d bytes", number,
                      OPTION_LENGTH_MAX);
    char of[OPTION_LENGTH_MAX + 16];
    snprintf(of, sizeof(of), "option %s", option->name);
    if (check_aliases(option->aliases, of, err) < 0)
        return -1;
    if (option->type < BERTH_OPTION_STRING || option->type > BERTH_OPTION_DECIMAL)
        return refuse(err, "the type of %s is %d; 1 to 4 is expected", of, (int)option->type);
    if (!(option->min <= option->max)) /* so that not-a-number fails, too */
        return refuse(err, "the range of %s is empty", of);
    if (option->flags & ~(uint64_t)BERTH_OPTION_NO_FOLDER)
        return refuse(err, "the flags of %s are 0x%" PRIx64 "; this host knows 0x%x only", of, option->flags,
                      BERTH_OPTION_NO_FOLDER);
    if (!option->help || !*option->help || strnlen(option->help, HELP_LENGTH_MAX + 1) > HELP_LENGTH_MAX)
        return refuse(err, "the help of %s is missing or longer than %d bytes", of, HELP_LENGTH_MAX);
    return option->default_value ? check_default(option, err) : 0;
}

/* True when `name` is a name or alias of one of the first `count` options. */
static bool is_taken(const struct berth_plugin *plugin, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const struct berth_option option = abi_option(plugin, i);
        if (strcmp(option.name, name) == 0)
            return true;
        for (const char *const *alias = option.aliases; alias && *alias; alias++) {
            if (strcmp(*alias, name) == 0)
                return true;
        }
    }
    return false;
}

/* That no option before it has one of its names. */
static int check_names(const struct berth_plugin *plugin, size_t index, struct error *err)
{
    const struct berth_option option = abi_option(plugin, index);
    if (is_taken(plugin, index, option.name))
        return refuse(err, "two options are called %s", option.name);
    for (const char *const *alias = option.aliases; alias && *alias; alias++) {
        if (is_taken(plugin, index, *alias))
            return refuse(err, "two options are called %s", *alias);
    }
    return 0;
}

static int check_options(const struct berth_plugin *plugin, struct error *err)
{
    if (plugin->option_count > OPTIONS_MAX || (plugin->option_count > 0 && !plugin->options))
        return refuse(err, "it declares %zu options%s; at most %d are expected", plugin->option_count,
                      plugin->options ? "" : " without a list", OPTIONS_MAX);
    if (!abi_option_size_valid(plugin))
        return refuse(err, "option_size is %zu; sizeof(struct berth_option) is expected",
                      plugin->option_size);
    for (size_t i = 0; i < plugin->option_count; i++) {
        const struct berth_option option = abi_option(plugin, i);
        if (check_option(&option, i + 1, err) < 0 || check_names(plugin, i, err) < 0)
            return -1;
    }
    return 0;
}

static int check(const struct berth_plugin *plugin, struct error *err)
{
    if (!is_word(plugin->name, NAME_LENGTH_MAX, '-'))
        return refuse(err, "its name \"%.64s\" does not match [a-z][a-z0-9-]*, at most %d bytes",
                      plugin->name ? plugin->name : "(null)", NAME_LENGTH_MAX);
    if (!is_visible(plugin->version, OPTION_LENGTH_MAX))
        return refuse(err, "its version is missing, longer than %d bytes or not visible ASCII",
                      OPTION_LENGTH_MAX);
    if (!plugin->validate || !plugin->package || !plugin->launch)
        return refuse(err, "the callback %s is missing",
                      !plugin->validate ? "validate" : (!plugin->package ? "package" : "launch"));
    if (check_aliases(plugin->aliases, "the plugin", err) < 0)
        return -1;
    return check_options(plugin, err);
}

int description_read(const struct berth_plugin *given, struct berth_plugin *ret_plugin, struct error *err)
{
    if (check_version(given, err) < 0)
        return -1;
    if (given->struct_size < ABI_PLUGIN_LEAST)
        return refuse_size(given, err);
    struct berth_plugin plugin;
    abi_copy(&plugin, sizeof(plugin), given);
    if (check(&plugin, err) < 0)
        return -1;
    *ret_plugin = plugin;
    return 0;
}

static json_t *option_to_json(const struct berth_option *option)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", plugin_text(option->name));
    json_object_set_new(json, "aliases", option->aliases ? plugin_texts(option->aliases) : json_array());
    json_object_set_new(json, "type", json_integer(option->type));
    json_object_set_new(json, "default", plugin_text(option->default_value));
    json_object_set_new(json, "min", json_real(option->min));
    json_object_set_new(json, "max", json_real(option->max));
    json_object_set_new(json, "help", plugin_text(option->help));
    json_object_set_new(json, "no_folder", json_boolean(option->flags & BERTH_OPTION_NO_FOLDER));
    return json;
}

json_t *description_to_json(const struct berth_plugin *plugin)
{
    json_t *options = json_array();
    for (size_t i = 0; i < plugin->option_count; i++) {
        const struct berth_option option = abi_option(plugin, i);
        json_array_append_new(options, option_to_json(&option));
    }
    json_t *json = json_object();
    json_object_set_new(json, "name", plugin_text(plugin->name));
    json_object_set_new(json, "version", plugin_text(plugin->version));
    json_object_set_new(json, "abi_major", json_integer(plugin->abi_major));
    json_object_set_new(json, "abi_minor", json_integer(plugin->abi_minor));
    json_object_set_new(json, "aliases", plugin->aliases ? plugin_texts(plugin->aliases) : json_array());
    json_object_set_new(json, "options", options);
    json_object_set_new(json, "scaffolds", json_boolean(plugin->scaffold != NULL));
    return json;
}
