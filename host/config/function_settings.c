#include "config/function_settings.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "config/function_calls.h"
#include "config/function_container.h"
#include "config/function_environment.h"
#include "config/function_folder.h"
#include "config/function_labels.h"
#include "config/function_language.h"
#include "config/function_schedules.h"
#include "config/function_secrets.h"
#include "config/function_volumes.h"

#include <ctype.h>
#include <string.h>

#define MiB             (1024.0 * 1024.0)
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* The directory part of a path; the caller frees it. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

void function_reader_init(struct function_reader *reader, const char *path, const struct folder_list *roots,
                          const struct language *languages, size_t language_count)
{
    *reader =
        (struct function_reader){.roots = roots, .languages = languages, .language_count = language_count};
    cleanup_free char *base = directory_of(path);
    reader->base = arena_copy(&reader->arena, base, strlen(base));
    reader->env_files = (struct env_file_place){reader->base, "the registry"};
    reader->option_tables = function_language_tables(&reader->arena, languages, language_count);
}

void function_reader_clear(struct function_reader *reader)
{
    arena_clear(&reader->arena);
}

const char *function_settings_route(const struct yaml_tree_entry *entry, struct position *ret_at)
{
    const struct yaml_tree_node *name = NULL;
    if (entry->value->kind == YAML_TREE_MAPPING)
        name = setting_peek(&function_table, "name", entry->value);
    if (!name || name->kind != YAML_TREE_SCALAR || !*name->text || name->flaw)
        name = entry->key;
    *ret_at = name->at;
    return name->text;
}

static bool is_reserved(const char *route)
{
    static const char *const reserved[] = {"function", "async-function", "async", "system",
                                           "healthz",  "metrics",        "ui",    ".berth"};
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (strcmp(route, reserved[i]) == 0)
            return true;
    }
    return false;
}

bool function_settings_is_free_route(const char *route)
{
    return !is_reserved(route) && ident_is_name(route);
}

static void check_route(const char *route, struct position at, struct reporter *reporter)
{
    if (is_reserved(route))
        reporter_error(reporter, at, "choose another name", "the route \"/%s\" is reserved for the host",
                       route);
    else if (!ident_is_name(route))
        reporter_error(reporter, at,
                       "letters, digits, \"-\" and \"_\", at most 63, with a letter or digit at both ends",
                       "\"%s\" cannot be a route", quote(route).text);
}

/* Turns the option values, texts or NULL, into pairs; the texts change hands. */
static void take_options(const struct setting_layer *layer, char **values, struct function_settings *settings)
{
    const struct setting_table *table = layer->table;
    settings->options = xcalloc(table->count, sizeof(*settings->options));
    for (size_t i = 0; i < table->count; i++) {
        if (!values[i])
            continue;
        struct position at = layer->found[i] ? layer->found[i]->at : (struct position){0};
        settings->options[settings->option_count++] =
            (struct text_pair){xstrdup(table->settings[i].name), values[i], at.line, at.column};
    }
}

static void check_scale(const struct setting_layer *layer, const struct function_settings *settings,
                        struct reporter *reporter)
{
    if (settings->min_scale <= settings->max_scale)
        return;
    const struct yaml_tree_node *min = setting_found(layer, "min_scale");
    const struct yaml_tree_node *max = setting_found(layer, "max_scale");
    reporter_error(reporter, min ? min->at : max->at, max ? NULL : "set \"max_scale\" too",
                   "\"min_scale\" (%u) is above \"max_scale\" (%u)", settings->min_scale,
                   settings->max_scale);
}

/* What is asked for in memory must fit into `memory`: who fills it is ended for want of memory. Defaults are
 * bounds and no wishes. */
static void check_room_in_memory(const struct setting_layer *layer, const struct function_settings *settings,
                                 struct reporter *reporter)
{
    const struct yaml_tree_node *tmp = setting_found(layer, "tmp"), *shm = setting_found(layer, "shm");
    uint64_t wanted = (tmp ? settings->tmp_bytes : 0) + (shm ? settings->shm_bytes : 0);
    if (wanted <= settings->memory_bytes)
        return;
    const uint64_t unit = (uint64_t)MiB;
    unsigned long long wanted_mib = (wanted + unit - 1) / unit, memory_mib = settings->memory_bytes / unit;
    reporter_warning(
        reporter, tmp ? tmp->at : shm->at,
        "raise \"memory\" above that, or an instance is ended for want of memory before they are full",
        "%s can hold %llu MiB, which count towards \"memory\", and that is %llu MiB",
        !shm   ? "\"tmp\""
        : !tmp ? "\"shm\""
               : "\"tmp\" and \"shm\"",
        wanted_mib, memory_mib);
}

static void read_configuration(const struct function_reader *reader, const struct yaml_tree_node *mapping,
                               struct position key_at, struct reporter *reporter,
                               struct function_settings *settings)
{
    const struct yaml_tree_node *language_node = setting_peek(&configuration_table, "language", mapping);
    int index =
        function_language_read(reader->languages, reader->language_count, language_node, key_at, reporter);
    const char *assumed = index >= 0 ? reader->languages[index].name : NULL;
    const struct setting_table *options = index >= 0 ? &reader->option_tables[index] : NULL;

    cleanup_free const struct yaml_tree_node **found = xcalloc(configuration_table.count, sizeof(*found));
    cleanup_free const struct yaml_tree_node **options_found = NULL;
    cleanup_free char **option_values = NULL;
    struct setting_layer layers[2] = {{&configuration_table, settings, found}};
    if (options) {
        options_found = xcalloc(options->count, sizeof(*options_found));
        option_values = xcalloc(options->count, sizeof(*option_values));
        layers[1] = (struct setting_layer){options, option_values, options_found};
        setting_defaults(options, option_values);
    }
    enum setting_unknown unknown = !reader->languages ? UNKNOWN_IS_IGNORED
                                   : options          ? UNKNOWN_IS_ERROR
                                                      : UNKNOWN_IF_NEAR_IS_ERROR;
    setting_apply(layers, options ? 2 : 1, mapping, unknown, reporter);

    if (options)
        take_options(&layers[1], option_values, settings);
    function_environment_read(&reader->env_files, &layers[0], reporter, settings);
    function_labels_read(setting_found(&layers[0], "labels"), settings, reporter);
    function_volumes_read(setting_found(&layers[0], "volumes"), reader->volume_roots, settings, reporter);
    function_secrets_read(setting_found(&layers[0], "secrets"), reporter, settings);
    function_calls_read(&layers[0], reporter, settings);
    function_schedules_read(setting_found(&layers[0], "schedule"), reporter, settings);
    check_scale(&layers[0], settings, reporter);
    check_room_in_memory(&layers[0], settings, reporter);
    function_container_check(&layers[0], settings, reporter);

    cleanup_free char *written = steal(&settings->language);
    const char *language = assumed ? assumed : written;
    const struct function_place place = {.base = reader->base, .language = language, .roots = reader->roots};
    function_folder_find(&place, index >= 0 ? &reader->languages[index] : NULL, &layers[0], key_at, reporter,
                         settings);
    bool known = written && (!reader->languages ||
                             function_language_find(reader->languages, reader->language_count, written) >= 0);
    if (known)
        settings->language = xstrdup(language);
}

/* Reads the keys of the function itself. Gives its `configuration` when that is a mapping, else NULL. */
static const struct yaml_tree_node *read_function_keys(const struct yaml_tree_entry *entry,
                                                       struct reporter *reporter,
                                                       struct function_settings *settings)
{
    cleanup_free const struct yaml_tree_node **found = xcalloc(function_table.count, sizeof(*found));
    struct setting_layer layer = {&function_table, settings, found};
    const struct yaml_tree_node *value = entry->value;
    if (value->kind == YAML_TREE_SEQUENCE || value->kind == YAML_TREE_SCALAR) {
        reporter_error(reporter, value->at,
                       "it has a \"configuration\" with at least a \"programing_language\"",
                       "a function must be a mapping, not %s", yaml_tree_describe(value).text);
        return NULL;
    }
    setting_apply(&layer, 1, value, UNKNOWN_IS_ERROR, reporter);
    const struct yaml_tree_node *configuration = setting_found(&layer, "configuration");
    if (!configuration) {
        reporter_error(reporter, entry->key->at, "it holds at least a \"programing_language\"",
                       "the function has no \"configuration\"");
        return NULL;
    }
    return configuration->kind == YAML_TREE_MAPPING ? configuration : NULL;
}

static struct position configuration_at(const struct yaml_tree_entry *function)
{
    for (size_t i = 0; i < function->value->count; i++) {
        const struct yaml_tree_entry *entry = &function->value->entries[i];
        if (entry->key->kind == YAML_TREE_SCALAR && strcmp(entry->key->text, "configuration") == 0)
            return entry->key->at;
    }
    return function->key->at;
}

void function_settings_read(const struct function_reader *reader, const struct yaml_tree_entry *entry,
                            struct reporter *reporter, struct function_settings *ret_settings)
{
    struct function_settings *settings = ret_settings;
    size_t errors = reporter->errors;
    struct position route_at;
    *settings = (struct function_settings){
        .key = xstrdup(entry->key->text), .line = entry->key->at.line, .column = entry->key->at.column};
    setting_defaults(&function_table, settings);
    setting_defaults(&configuration_table, settings);

    const struct yaml_tree_node *configuration = read_function_keys(entry, reporter, settings);
    const char *route = function_settings_route(entry, &route_at);
    check_route(route, route_at, reporter);
    free(settings->name);
    settings->name = xstrdup(route);
    if (configuration)
        read_configuration(reader, configuration, configuration_at(entry), reporter, settings);
    settings->broken = reporter->errors > errors;
}

void function_settings_inherit(struct function_settings *settings, const struct host_settings *host)
{
    if (!settings->base)
        settings->base = xstrdup(host->base ? host->base : BASE_SUITE);
}

static void clear_pairs(struct text_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
    free(pairs);
}

void function_settings_clear(struct function_settings *settings)
{
    setting_clear(&function_table, settings);
    setting_clear(&configuration_table, settings);
    clear_pairs(settings->environment, settings->environment_count);
    clear_pairs(settings->options, settings->option_count);
    clear_pairs(settings->labels, settings->label_count);
    function_volumes_clear(settings);
    secret_uses_free(settings->secrets, settings->secret_count);
    schedules_free(settings->schedules, settings->schedule_count);
    free(settings->key);
    json_decref(settings->deployment);
    *settings = (struct function_settings){0};
}

static const struct text_pair *find_option(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->option_count; i++) {
        if (strcmp(settings->options[i].name, name) == 0)
            return &settings->options[i];
    }
    return NULL;
}

char *function_settings_origin(const char *name)
{
    return xasprintf("deployment of %s", name);
}

/* Where a setting stands, at this line: in the registry at `path`, or in what was deployed. */
static char *file_of(const struct function_settings *settings, const char *path, unsigned line)
{
    if (!settings->deployment)
        return xstrdup(path);
    return line > 0 && settings->folder ? xasprintf("%s/" DEPLOYED_FILE, settings->folder)
                                        : function_settings_origin(settings->name);
}

/* Of the package that an option names; the first one's when it names none that is there. */
static struct position package_position(const struct function_settings *settings, const char *option)
{
    const struct package_list *packages = &settings->system_packages;
    const size_t prefix = strlen(SYSTEM_PACKAGE_OPTION);
    if (!option || strncmp(option, SYSTEM_PACKAGE_OPTION, prefix) != 0 || packages->count == 0)
        return (struct position){0};
    const struct package_word *word = package_list_find(packages, option + prefix);
    return word ? word->at : packages->items[0].at;
}

void function_settings_place(const struct function_settings *settings, const char *path,
                             struct diagnostics *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct diagnostic *item = &findings->items[i];
        if (item->file)
            continue;
        const struct text_pair *option = item->option ? find_option(settings, item->option) : NULL;
        struct position at = option ? (struct position){option->line, option->column}
                                    : package_position(settings, item->option);
        item->line = at.line > 0 ? at.line : settings->line;
        item->column = at.line > 0 ? at.column : settings->column;
        item->file = file_of(settings, path, item->line);
        free(steal(&item->option));
    }
}
