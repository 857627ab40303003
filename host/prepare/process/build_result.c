#include "prepare/process/build_result.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/redact.h"

#include <stdlib.h>
#include <string.h>

#define CONCURRENCY_MAX 1024
#define OPTIONS_MAX     64

static void dependencies_destroy(struct build_dependencies *dependencies)
{
    if (!dependencies)
        return;
    free(dependencies->key);
    texts_free(dependencies->argv);
    texts_free(dependencies->environment);
    free(dependencies);
}

void build_launch_destroy(struct build_launch *launch)
{
    if (!launch)
        return;
    free(launch->image);
    free(launch->ready_path);
    free(launch->dockerfile);
    texts_free(launch->command);
    texts_free(launch->environment);
    free(launch->runtime);
    free(launch);
}

static void language_clear(struct language *language)
{
    for (size_t i = 0; i < language->option_count; i++) {
        struct language_option *option = &language->options[i];
        free(option->name);
        texts_free(option->aliases);
        free(option->default_value);
        free(option->help);
    }
    free(language->options);
    texts_free(language->aliases);
    free(language->name);
}

void build_plugin_destroy(struct build_plugin *plugin)
{
    if (!plugin)
        return;
    language_clear(&plugin->language);
    free(plugin->version);
    free(plugin);
}

void build_result_destroy(struct build_result *result)
{
    if (!result)
        return;
    diagnostics_clear(&result->diagnostics);
    free(result->output);
    free(result->package.staged);
    dependencies_destroy(result->dependencies);
    build_launch_destroy(result->launch);
    build_plugin_destroy(result->plugin);
    free(result);
}

/* The files may be other ones than those that were packaged, so they are not held against the function. */
static void note_failed_look(struct build_result *result, const char *function, const struct error *failure)
{
    struct error err = *failure;
    error_prefix(&err, "what the installed dependencies say of it is not known");
    const struct diagnostic item = {.severity = SEVERITY_WARNING,
                                    .function = (char *)function,
                                    .message = err.message,
                                    .hint = err.hint[0] ? err.hint : NULL};
    diagnostics_add(&result->diagnostics, &item);
}

void build_result_revise(struct build_result *result, const char *function, struct build_result *look)
{
    if (look->ok) {
        struct diagnostics first = result->diagnostics;
        result->diagnostics = (struct diagnostics){0};
        diagnostics_move(&result->diagnostics, &look->diagnostics);
        for (size_t i = result->validated; i < first.count; i++)
            diagnostics_add(&result->diagnostics, &first.items[i]);
        diagnostics_clear(&first);
    } else {
        note_failed_look(result, function, &look->error);
    }
    build_result_destroy(look);
}

struct build_result *build_result_failed(const struct error *error)
{
    struct build_result *result = xcalloc(1, sizeof(*result));
    result->error = *error;
    result->output = xstrdup("");
    return result;
}

static int bad_shape(struct error *err, const char *what)
{
    return error_set(err, ERROR_PLUGIN_PROTOCOL, "the job's result has no proper %s", what);
}

/* An integer member from `least` to `most`; -1 when it is not. */
static int read_integer(const json_t *object, const char *member, json_int_t least, json_int_t most,
                        json_int_t *ret_value)
{
    const json_t *json = json_object_get(object, member);
    if (!json_is_integer(json) || json_integer_value(json) < least || json_integer_value(json) > most)
        return -1;
    *ret_value = json_integer_value(json);
    return 0;
}

/* A job tells of itself, its plugin and files, and not of what it cannot know. */
static bool may_tell_of(enum error_component component)
{
    return component == COMPONENT_PLUGIN || component == COMPONENT_BUILD || component == COMPONENT_FILES;
}

static int read_error(const json_t *json, struct error *ret_error)
{
    const char *component_name = json_string_value(json_object_get(json, "component"));
    const char *reason = json_string_value(json_object_get(json, "reason"));
    const char *message = json_string_value(json_object_get(json, "message"));
    const char *hint = json_string_value(json_object_get(json, "hint"));
    enum error_component component;
    enum error_code code;
    if (!component_name || !reason || !message ||
        error_code_find(component_name, reason, &component, &code) < 0 || !may_tell_of(component))
        return -1;
    error_set_in(ret_error, component, code, "%s", message);
    if (hint)
        error_hint(ret_error, "%s", hint);
    redact_urls(ret_error->message);
    redact_urls(ret_error->hint);
    return 0;
}

/* Adds one finding, with its function and with an absolute path. */
static int read_diagnostic(const json_t *json, const struct build_subject *subject, struct diagnostics *list)
{
    struct diagnostic item;
    if (diagnostic_from_json(json, &item) < 0)
        return -1;
    redact_urls(item.message);
    if (item.hint)
        redact_urls(item.hint);
    free(item.function);
    item.function = subject->function ? xstrdup(subject->function) : NULL;
    if (item.file && subject->folder) {
        char *absolute = xasprintf("%s/%s", subject->folder, item.file);
        free(item.file);
        item.file = absolute;
    }
    diagnostics_add(list, &item);
    diagnostic_clear(&item);
    return 0;
}

static int read_diagnostics(const json_t *json, const struct build_subject *subject, struct diagnostics *list)
{
    if (!json_is_array(json))
        return -1;
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (read_diagnostic(json_array_get(json, i), subject, list) < 0)
            return -1;
    }
    return 0;
}

static int read_package(const json_t *json, const struct build_subject *subject,
                        struct build_package *package)
{
    const char *digest = json_string_value(json_object_get(json, "digest"));
    json_int_t bytes, files;
    if (!digest || !hash_is_digest(digest) || !subject->staged ||
        read_integer(json, "bytes", 0, INT64_MAX, &bytes) < 0 ||
        read_integer(json, "files", 0, INT64_MAX, &files) < 0)
        return -1;
    memcpy(package->digest, digest, sizeof(package->digest));
    package->bytes = (uint64_t)bytes;
    package->files = (size_t)files;
    package->staged = xstrdup(subject->staged);
    return 0;
}

static bool are_assignments(char *const *texts)
{
    for (; *texts; texts++) {
        if ((*texts)[0] == '=' || !strchr(*texts, '='))
            return false;
    }
    return true;
}

static int read_dependencies(const json_t *json, struct build_dependencies **ret_dependencies)
{
    if (!json || json_is_null(json))
        return 0;
    struct build_dependencies *dependencies = xcalloc(1, sizeof(*dependencies));
    size_t count = 0;
    dependencies->key = json_text_copy(json, "key");
    if (!dependencies->key ||
        json_texts_read(json_object_get(json, "argv"), &dependencies->argv, &count) < 0 || count == 0 ||
        json_texts_read(json_object_get(json, "environment"), &dependencies->environment, NULL) < 0 ||
        !are_assignments(dependencies->environment)) {
        dependencies_destroy(dependencies);
        return -1;
    }
    *ret_dependencies = dependencies;
    return 0;
}

static int fill_launch(const json_t *json, struct build_launch *launch)
{
    json_int_t concurrency, transport, port;
    const json_t *runtime = json_object_get(json, "runtime");
    const json_t *command = json_object_get(json, "command");
    if (read_integer(json, "concurrency", 1, CONCURRENCY_MAX, &concurrency) < 0 ||
        read_integer(json, "transport", BUILD_DIAL_HOME, BUILD_TCP, &transport) < 0 ||
        read_integer(json, "port", 0, UINT16_MAX, &port) < 0 || !json_is_object(runtime) ||
        (transport == BUILD_TCP && port == 0))
        return -1;
    launch->concurrency = (unsigned)concurrency;
    launch->transport = (enum build_transport)transport;
    launch->port = (uint16_t)port;
    launch->runtime = json_dumps(runtime, JSON_COMPACT | JSON_SORT_KEYS);
    launch->image = json_text_copy(json, "image");
    launch->ready_path = json_text_copy(json, "ready_path");
    launch->dockerfile = json_text_copy(json, "dockerfile");
    if (json_array_size(command) > 0 && json_texts_read(command, &launch->command, NULL) < 0)
        return -1;
    if (json_texts_read(json_object_get(json, "environment"), &launch->environment, NULL) < 0)
        return -1;
    return are_assignments(launch->environment) ? 0 : -1;
}

int build_launch_read(const json_t *json, struct build_launch **ret_launch)
{
    struct build_launch *launch = xcalloc(1, sizeof(*launch));
    if (fill_launch(json, launch) < 0) {
        build_launch_destroy(launch);
        return -1;
    }
    *ret_launch = launch;
    return 0;
}

static int read_option(const json_t *json, struct language_option *option)
{
    json_int_t type;
    if (read_integer(json, "type", OPTION_STRING, OPTION_DECIMAL, &type) < 0 ||
        json_texts_read(json_object_get(json, "aliases"), &option->aliases, &option->alias_count) < 0)
        return -1;
    option->type = (enum option_type)type;
    option->name = json_text_copy(json, "name");
    option->default_value = json_text_copy(json, "default");
    option->min = json_number_value(json_object_get(json, "min"));
    option->max = json_number_value(json_object_get(json, "max"));
    option->help = json_text_copy(json, "help");
    option->no_folder = json_is_true(json_object_get(json, "no_folder"));
    return option->name && option->help ? 0 : -1;
}

static int fill_plugin(const json_t *json, struct build_plugin *plugin)
{
    struct language *language = &plugin->language;
    const json_t *options = json_object_get(json, "options");
    json_int_t major, minor;
    plugin->version = json_text_copy(json, "version");
    plugin->scaffolds = json_is_true(json_object_get(json, "scaffolds"));
    language->name = json_text_copy(json, "name");
    if (!plugin->version || !language->name || json_array_size(options) > OPTIONS_MAX ||
        read_integer(json, "abi_major", 0, UINT32_MAX, &major) < 0 ||
        read_integer(json, "abi_minor", 0, UINT32_MAX, &minor) < 0 ||
        json_texts_read(json_object_get(json, "aliases"), &language->aliases, &language->alias_count) < 0)
        return -1;
    plugin->abi_major = (unsigned)major;
    plugin->abi_minor = (unsigned)minor;
    language->option_count = json_array_size(options);
    language->options = xcalloc(language->option_count, sizeof(*language->options));
    for (size_t i = 0; i < language->option_count; i++) {
        if (read_option(json_array_get(options, i), &language->options[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_plugin(const json_t *json, struct build_plugin **ret_plugin)
{
    if (!json || json_is_null(json))
        return 0;
    struct build_plugin *plugin = xcalloc(1, sizeof(*plugin));
    if (fill_plugin(json, plugin) < 0) {
        build_plugin_destroy(plugin);
        return -1;
    }
    *ret_plugin = plugin;
    return 0;
}

static int read_parts(const json_t *json, const struct build_subject *subject, struct build_result *result,
                      struct error *err)
{
    const json_t *package = json_object_get(json, "package");
    if (package && read_package(package, subject, &result->package) < 0)
        return bad_shape(err, "package");
    if (read_dependencies(json_object_get(json, "dependencies"), &result->dependencies) < 0)
        return bad_shape(err, "dependencies");
    const json_t *launch = json_object_get(json, "launch");
    if (launch && !json_is_null(launch) && build_launch_read(launch, &result->launch) < 0)
        return bad_shape(err, "launch");
    if (read_plugin(json_object_get(json, "plugin"), &result->plugin) < 0)
        return bad_shape(err, "plugin");
    return 0;
}

static void read_growth(const json_t *json, struct build_growth *growth)
{
    growth->cycles = (unsigned)json_integer_value(json_object_get(json, "cycles"));
    growth->heap_bytes = json_integer_value(json_object_get(json, "heap_bytes"));
    growth->resident_bytes = json_integer_value(json_object_get(json, "resident_bytes"));
    growth->files = json_integer_value(json_object_get(json, "files"));
}

static int read_validated(const json_t *json, struct build_result *result)
{
    json_int_t validated = 0;
    if (json_object_get(json, "validated") &&
        read_integer(json, "validated", 0, (json_int_t)result->diagnostics.count, &validated) < 0)
        return -1;
    result->validated = (size_t)validated;
    return 0;
}

static int fill_result(const json_t *json, const struct build_subject *subject, struct build_result *result,
                       struct error *err)
{
    const json_t *ok = json_object_get(json, "ok");
    if (!json_is_boolean(ok))
        return bad_shape(err, "verdict");
    result->ok = json_is_true(ok);
    if (read_diagnostics(json_object_get(json, "diagnostics"), subject, &result->diagnostics) < 0)
        return bad_shape(err, "diagnostics");
    if (read_validated(json, result) < 0)
        return bad_shape(err, "number of findings");
    result->memory_bytes = (uint64_t)json_integer_value(json_object_get(json, "memory_bytes"));
    read_growth(json_object_get(json, "growth"), &result->growth);
    if (!result->ok)
        return read_error(json_object_get(json, "error"), &result->error) < 0 ? bad_shape(err, "error") : 0;
    return read_parts(json, subject, result, err);
}

int build_result_parse(const json_t *json, const struct build_subject *subject,
                       struct build_result **ret_result, struct error *err)
{
    struct build_result *result = xcalloc(1, sizeof(*result));
    result->output = xstrdup("");
    if (fill_result(json, subject, result, err) < 0) {
        build_result_destroy(result);
        return -1;
    }
    *ret_result = result;
    return 0;
}
