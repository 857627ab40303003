#include "check.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "config/schedule_times.h"
#include "prepare/function_job.h"
#include "prepare/launch_check.h"
#include "prepare/plugins.h"
#include "prepare/process/build_job.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/secret_store.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define RENDERED_MAX (4u << 20)

struct check {
    struct event_base *base;
    const char *config_path, *state_dir, *secret_key_file;
    struct build_jobs *jobs;
    struct plugins *plugins;
    struct registry *registry;
    struct diagnostics found;
    size_t pending; /* jobs not yet done */
    bool failed;
    struct error error;
};

/* One function under check. */
struct subject {
    struct check *check;
    const struct function_settings *settings;
    const struct plugin *plugin;
    struct build_result *result; /* while its installed dependencies are looked at */
};

static void stop_when_done(struct check *check)
{
    if (check->pending == 0)
        event_base_loopbreak(check->base);
}

static void conclude(struct subject *subject, struct build_result *result)
{
    struct check *check = subject->check;
    function_job_findings(subject->settings, check->config_path, result, &check->found);
    build_result_destroy(result);
    free(subject);
    check->pending--;
    stop_when_done(check);
}

static void on_revised(void *context, struct build_result *look)
{
    struct subject *subject = context;
    build_result_revise(subject->result, subject->settings->name, look);
    conclude(subject, subject->result);
}

/* Looks at the function again with its dependencies, where a daemon has them installed; else false. */
static bool revise(struct subject *subject, struct build_result *result)
{
    struct check *check = subject->check;
    const struct plugin *plugin = subject->plugin;
    if (!result->dependencies || !plugin_sees_dependencies(plugin))
        return false;
    char asked[HASH_HEX_SIZE];
    dependency_store_asked(plugin->language.name, result->dependencies, asked);
    cleanup_free char *installed = dependency_store_find(check->state_dir, asked);
    if (!installed)
        return false;
    subject->result = result;
    function_job_submit(check->jobs, plugin, subject->settings, BUILD_VALIDATE, installed, on_revised,
                        subject);
    return true;
}

static void on_checked(void *context, struct build_result *result)
{
    struct subject *subject = context;
    const struct plugin *plugin = subject->plugin;
    if (result->ok)
        result->ok =
            launch_check(result->launch, plugin->language.name, plugin->image_dir, &result->error) == 0 &&
            launch_check_settings(result->launch, subject->settings, plugin->image_dir, &result->diagnostics,
                                  &result->error) == 0;
    if (result->package.staged)
        fs_remove_tree(result->package.staged, NULL);
    if (!result->ok || !revise(subject, result))
        conclude(subject, result);
}

static void submit(struct check *check, const struct function_settings *settings)
{
    const struct plugin *plugin =
        settings->language ? plugins_find(check->plugins, settings->language) : NULL;
    if (settings->broken || !plugin)
        return;
    /* What a deployment does, so that it finds what a deployment finds. */
    struct subject *subject = xcalloc(1, sizeof(*subject));
    *subject = (struct subject){.check = check, .settings = settings, .plugin = plugin};
    check->pending++;
    function_job_submit(check->jobs, plugin, settings, BUILD_PACKAGE, NULL, on_checked, subject);
}

static void warn_about_plugin(struct check *check, const char *path, char *message, char *hint)
{
    const struct diagnostic item = {
        .severity = SEVERITY_WARNING, .file = (char *)path, .message = message, .hint = hint};
    diagnostics_add(&check->found, &item);
}

/* What the plugin folder holds that is not used. */
static void check_plugins(struct check *check)
{
    size_t count;
    struct error distrust = *plugins_distrust(check->plugins);
    if (distrust.message[0])
        warn_about_plugin(check, NULL, distrust.message, distrust.hint[0] ? distrust.hint : NULL);
    const struct plugin_refusal *refusals = plugins_refusals(check->plugins, &count);
    for (size_t i = 0; i < count; i++) {
        struct error err = refusals[i].error;
        error_prefix(&err, "the plugin is refused");
        warn_about_plugin(check, refusals[i].path, err.message, err.hint[0] ? err.hint : NULL);
    }
    const struct plugin *plugins = plugins_list(check->plugins, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < plugins[i].refused_alias_count; j++) {
            const struct refused_alias *refused = &plugins[i].refused_aliases[j];
            cleanup_free char *message =
                xasprintf("the plugin %s is refused the alias \"%s\", which is taken by %s",
                          plugins[i].language.name, refused->alias, refused->taken_by);
            warn_about_plugin(check, plugins[i].path, message, NULL);
        }
    }
}

/* As the daemon would find them; where nobody but the daemon may look they are not looked at. */
static void check_secrets(struct check *check)
{
    struct secret_store *store;
    struct error err;
    if (secret_store_open(check->state_dir, check->secret_key_file, &store, &err) < 0) {
        cleanup_free char *message = xasprintf("secrets are not looked at: %s", err.message);
        const struct diagnostic item = {.severity = SEVERITY_NOTE, .message = message};
        diagnostics_add(&check->found, &item);
        return;
    }
    registry_resolve_secrets(check->registry, secret_store_known(store));
    secret_store_close(store);
}

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    struct check *check = context;
    size_t language_count;
    check_plugins(check);
    const struct language *languages = plugins_languages(check->plugins, &language_count);
    if (registry_load(check->config_path, languages, language_count, NULL, &check->registry, &check->error) <
        0) {
        check->failed = true;
    } else {
        check_secrets(check);
        registry_resolve_functions(check->registry);
        diagnostics_move(&check->found, &check->registry->diagnostics);
        for (size_t i = 0; i < check->registry->function_count; i++)
            submit(check, &check->registry->functions[i]);
    }
    stop_when_done(check);
}

static void print_json(const struct check *check)
{
    json_t *array = json_array();
    for (size_t i = 0; i < check->found.count; i++)
        json_array_append_new(array, diagnostic_to_json(&check->found.items[i]));
    json_dumpf(array, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(array);
}

static void print_text(const struct check *check)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, RENDERED_MAX);
    for (size_t i = 0; i < check->found.count; i++)
        diagnostic_render(&check->found.items[i], &text);
    fputs(strbuf_text(&text), stderr);
    size_t errors = diagnostics_errors(&check->found, NULL), functions = check->registry->function_count;
    fprintf(stderr, "%s: %zu function%s, %zu error%s, %zu warnings and notes\n", check->config_path,
            functions, functions == 1 ? "" : "s", errors, errors == 1 ? "" : "s",
            check->found.count - errors);
}

static int run(struct check *check, const struct host_settings *host, const struct locations *locations,
               const char *staging_dir)
{
    struct build_jobs_options options = {.program = locations->build_job_program,
                                         .staging_dir = staging_dir,
                                         .timeout_ms = host->build_timeout_ms};
    if (build_jobs_create(check->base, &options, &check->jobs, &check->error) < 0 ||
        plugins_create(check->jobs, locations->plugin_dir, &check->plugins, &check->error) < 0)
        return -1;
    plugins_add_folder(check->plugins, locations->own_plugin_dir, locations->owner);
    if (plugins_scan(check->plugins, on_scanned, check, &check->error) < 0)
        return -1;
    event_base_dispatch(check->base);
    if (check->failed)
        return -1;
    registry_tell_schedules(check->registry, wall_clock_ms(), &check->found);
    return 0;
}

enum check_outcome check_run(const char *config_path, const struct host_settings *host,
                             const struct locations *locations, bool json)
{
    char staging_dir[] = "/tmp/berth-check-XXXXXX";
    struct check check = {.config_path = config_path,
                          .state_dir = locations->state_dir,
                          .secret_key_file = locations->secret_key_file};
    if (!mkdtemp(staging_dir)) {
        perror("berthd: cannot make a directory in /tmp");
        return CHECK_FAILED;
    }
    check.base = event_base_new();
    enum check_outcome outcome = CHECK_FAILED;
    if (run(&check, host, locations, staging_dir) == 0) {
        if (json)
            print_json(&check);
        else
            print_text(&check);
        outcome = diagnostics_errors(&check.found, NULL) > 0 ? CHECK_ERRORS : CHECK_CLEAN;
    } else {
        fprintf(stderr, "berthd: %s\n", check.error.message);
    }
    plugins_destroy(check.plugins);
    build_jobs_destroy(check.jobs);
    registry_destroy(check.registry);
    diagnostics_clear(&check.found);
    event_base_free(check.base);
    fs_remove_tree(staging_dir, NULL);
    return outcome;
}
