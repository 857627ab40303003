#include "fleet/revision/preparation.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "docker/image.h"
#include "fleet/output/output_limit.h"
#include "fleet/revision/finding.h"
#include "fleet/revision/revision_digest.h"
#include "prepare/function_job.h"
#include "prepare/image/runtime_image.h"
#include "prepare/install/dependency_install.h"
#include "prepare/launch_check.h"
#include "prepare/plugins.h"
#include "prepare/process/build_job.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/record_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS_LINE_MAX 200 /* bytes of a last line that are told */

struct preparation {
    struct fleet_env *env;
    const struct function_settings *settings;
    preparation_done_fn *done;
    void *owner;
    char *runtime; /* the plugin's name */
    char *image_dir; /* the plugin's, or NULL */
    char *builder_dir; /* likewise */
    char *seen; /* the key of the dependencies that the first look was with, or NULL */
    char inputs[HASH_HEX_SIZE];
    struct adoption *adoption; /* of the package of an earlier daemon */
    bool known; /* `result` is of an earlier preparation, and its package is in the store */
    bool looked; /* a job has been run */
    struct build_job *job;
    struct runtime_image_request *image_request;
    struct docker_call *command; /* asks what the image runs */
    struct dependency_install *install;
    struct output_limit output; /* of the installer or image build, in the log */
    struct build_result *result;
    uint64_t phase_began_ms; /* of the build job, or of asking for the image */
    struct event *later; /* reports a failure that is known at once from the event loop */
    struct error failure;
    char *image_id;
    char **image_command; /* what the image runs, when the plugin leaves that to it */
    struct prepared prepared;
};

void prepared_clear(struct prepared *prepared)
{
    free(prepared->code_dir);
    free(prepared->dependency_key);
    free(prepared->image);
    build_launch_destroy(prepared->launch);
    *prepared = (struct prepared){0};
}

static void preparation_free(struct preparation *preparation)
{
    build_job_cancel(preparation->job);
    package_adoption_cancel(preparation->adoption);
    runtime_image_cancel(preparation->image_request);
    docker_cancel(preparation->command);
    dependency_install_cancel(preparation->install);
    if (preparation->result && preparation->result->package.staged)
        package_store_discard(preparation->env->packages, &preparation->result->package);
    build_result_destroy(preparation->result);
    prepared_clear(&preparation->prepared);
    event_free(preparation->later);
    free(preparation->runtime);
    free(preparation->image_dir);
    free(preparation->builder_dir);
    free(preparation->seen);
    free(preparation->image_id);
    json_texts_free(preparation->image_command);
    free(preparation);
}

static void finish_with(struct preparation *preparation, const struct error *err, const char *output)
{
    struct diagnostics none = {0};
    struct diagnostics *diagnostics = preparation->result ? &preparation->result->diagnostics : &none;
    if (err)
        prepared_clear(&preparation->prepared);
    preparation->done(preparation->owner, err, &preparation->prepared, diagnostics, output);
    preparation->prepared = (struct prepared){0};
    preparation_free(preparation);
}

static void finish(struct preparation *preparation, const struct error *err)
{
    finish_with(preparation, err, NULL);
}

static void tell_output(const struct preparation *preparation, const struct build_result *result)
{
    if (*result->output)
        log_info("plugin.output", LOG_STR("function", preparation->settings->name),
                 LOG_STR("text", result->output));
}

/* Keeps what has been found, so that the same need not be found again. */
static void keep_record(const struct preparation *preparation)
{
    struct record record = {.dependency_key = preparation->prepared.dependency_key,
                            .result = preparation->result};
    memcpy(record.inputs, preparation->inputs, sizeof(record.inputs));
    record_store_put(preparation->env->records, preparation->settings->name, &record);
}

static void complete(struct preparation *preparation)
{
    if (preparation->looked && *preparation->inputs)
        keep_record(preparation);
    preparation->prepared.launch = steal(&preparation->result->launch);
    if (preparation->image_command)
        preparation->prepared.launch->command = steal(&preparation->image_command);
    revision_digest(preparation->settings, &preparation->prepared);
    finish(preparation, NULL);
}

/* --- output, in the log --- */

static void log_output(struct preparation *preparation, const char *event, struct log_field whose,
                       const char *line, uint64_t elapsed_ms)
{
    uint64_t now_ms = clock_ms();
    if (!output_limit_allows(&preparation->output, preparation->env->host->log_rate_bytes, now_ms)) {
        output_limit_drop(&preparation->output, strlen(line), now_ms);
        return;
    }
    size_t written = log_info(event, whose, LOG_INT("elapsed_ms", elapsed_ms), LOG_STR("text", line));
    output_limit_spend(&preparation->output, written);
}

static void tell_dropped_lines(struct preparation *preparation, const char *event)
{
    struct output_drops drops;
    if (output_limit_take_drops(&preparation->output, &drops))
        log_warning(event, LOG_STR("function", preparation->settings->name), LOG_INT("lines", drops.lines),
                    LOG_INT("bytes", drops.bytes), LOG_INT("within_ms", clock_ms() - drops.since_ms));
}

/* --- dependencies --- */

static void on_revised(void *context, struct build_result *look)
{
    struct preparation *preparation = context;
    preparation->job = NULL;
    tell_output(preparation, look);
    if (!look->ok)
        preparation->inputs[0] = '\0'; /* what is to be known of it is not known yet */
    build_result_revise(preparation->result, preparation->settings->name, look);
    complete(preparation);
}

static bool is_same_key(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* Looks at the function again unless it has been seen with these very dependencies: only they say what may be
 * imported. */
static void revise(struct preparation *preparation, bool installed)
{
    const char *key = preparation->prepared.dependency_key;
    const struct plugin *plugin = plugins_find(preparation->env->plugins, preparation->runtime);
    bool seen = is_same_key(key, preparation->seen) && !installed;
    if (seen || !plugin || !plugin_sees_dependencies(plugin)) {
        complete(preparation);
        return;
    }
    cleanup_free char *path = key ? dependency_store_path(preparation->env->dependencies, key) : NULL;
    preparation->phase_began_ms = clock_ms();
    preparation->looked = true;
    preparation->job = function_job_submit(preparation->env->jobs, plugin, preparation->settings,
                                           BUILD_VALIDATE, path, on_revised, preparation);
}

static void on_install_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct preparation *preparation = context;
    log_output(preparation, "dependencies.output", LOG_STR("function", preparation->settings->name), line,
               elapsed_ms);
}

static void on_installed(void *context, const struct error *err, const char *key, bool installed,
                         const char *output)
{
    struct preparation *preparation = context;
    preparation->install = NULL;
    tell_dropped_lines(preparation, "dependencies.output-dropped");
    if (err) {
        finish_with(preparation, err, output);
        return;
    }
    preparation->prepared.dependency_key = xstrdup(key);
    revise(preparation, installed);
}

/* In this image; `image_id`: what the set is made with and for. */
static void install(struct preparation *preparation, const char *image, const char *image_id)
{
    const struct dependency_request request = {
        .runtime = preparation->runtime,
        .image = image,
        .image_id = image_id,
        .code = preparation->prepared.code_dir,
        .function = preparation->settings->name,
        .dependencies = preparation->result->dependencies,
    };
    static const struct dependency_callbacks callbacks = {.line = on_install_line, .done = on_installed};
    preparation->install =
        dependency_installs_ensure(preparation->env->installs, &request, &callbacks, preparation);
}

static const char *runtime_image_id(const struct preparation *preparation)
{
    return preparation->image_id ? preparation->image_id : "";
}

/* Of the runtime's image or the builder's. False: there is none, and the preparation is over. */
static bool end_image_request(struct preparation *preparation, const struct error *err, const char *output)
{
    preparation->image_request = NULL;
    tell_dropped_lines(preparation, "image.output-dropped");
    if (err)
        finish_with(preparation, err, output);
    return !err;
}

static void on_builder_image(void *context, const struct error *err, const char *image, const char *id,
                             const char *output)
{
    struct preparation *preparation = context;
    if (!end_image_request(preparation, err, output))
        return;
    cleanup_free char *ids = xasprintf("%s %s", id, runtime_image_id(preparation));
    install(preparation, image, ids);
}

static void on_image_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct preparation *preparation = context;
    log_output(preparation, "image.output", LOG_STR("runtime", preparation->runtime), line, elapsed_ms);
}

static void ensure_dependencies(struct preparation *preparation)
{
    if (!preparation->result->dependencies) {
        revise(preparation, false);
        return;
    }
    if (!preparation->builder_dir) {
        install(preparation, preparation->prepared.image, runtime_image_id(preparation));
        return;
    }
    static const struct runtime_image_callbacks callbacks = {.line = on_image_line, .done = on_builder_image};
    preparation->phase_began_ms = clock_ms();
    preparation->image_request = runtime_images_ensure_builder(
        preparation->env->images, preparation->runtime, preparation->builder_dir, preparation->prepared.image,
        runtime_image_id(preparation), &callbacks, preparation);
}

/* --- image and package --- */

static void keep_package(struct preparation *preparation)
{
    struct build_package *package = &preparation->result->package;
    struct prepared *prepared = &preparation->prepared;
    memcpy(prepared->package_digest, package->digest, sizeof(prepared->package_digest));
    prepared->package_bytes = package->bytes;
    prepared->package_files = package->files;
    struct error err;
    if (!preparation->known && package_store_commit(preparation->env->packages, package, &err) < 0) {
        finish(preparation, &err);
        return;
    }
    prepared->code_dir = package_store_path(preparation->env->packages, prepared->package_digest);
    ensure_dependencies(preparation);
}

/* Takes what the image runs; the plugin has left that to it. */
static void on_command(void *owner, const struct error *err, const struct docker_image *image)
{
    struct preparation *preparation = owner;
    struct error none;
    preparation->command = NULL;
    if (!err && !image->command[0]) {
        error_set(&none, ERROR_PLUGIN_CONTRACT,
                  "the plugin \"%s\" names no command, and neither does its image %s", preparation->runtime,
                  preparation->prepared.image);
        err = &none;
    }
    if (err) {
        finish(preparation, err);
        return;
    }
    size_t count = 0;
    while (image->command[count])
        count++;
    char **command = xcalloc(count + 1, sizeof(*command));
    for (size_t i = 0; i < count; i++)
        command[i] = xstrdup(image->command[i]);
    preparation->image_command = command;
    keep_package(preparation);
}

static void ensure_command(struct preparation *preparation)
{
    if (preparation->result->launch->command)
        keep_package(preparation);
    else
        preparation->command = docker_image_inspect(preparation->env->docker, preparation->prepared.image,
                                                    on_command, preparation);
}

static void on_image(void *context, const struct error *err, const char *image, const char *id,
                     const char *output)
{
    struct preparation *preparation = context;
    if (!end_image_request(preparation, err, output))
        return;
    preparation->prepared.image = xstrdup(image);
    preparation->image_id = xstrdup(id);
    ensure_command(preparation);
}

static void ensure_image(struct preparation *preparation)
{
    preparation->phase_began_ms = clock_ms();
    if (preparation->result->launch->image) {
        preparation->prepared.image = xstrdup(preparation->result->launch->image);
        ensure_command(preparation);
        return;
    }
    static const struct runtime_image_callbacks callbacks = {.line = on_image_line, .done = on_image};
    preparation->image_request = runtime_images_ensure(preparation->env->images, preparation->runtime,
                                                       preparation->image_dir, &callbacks, preparation);
}

/* --- the build job --- */

/* What is known of the function, by a job or from before, is good. */
static void take_result(struct preparation *preparation, struct build_result *result)
{
    struct error err;
    preparation->result = result;
    if (launch_check(result->launch, preparation->runtime, preparation->image_dir, &err) < 0)
        finish(preparation, &err);
    else
        ensure_image(preparation);
}

static void on_built(void *context, struct build_result *result)
{
    struct preparation *preparation = context;
    preparation->job = NULL;
    tell_output(preparation, result);
    if (result->ok) {
        take_result(preparation, result);
        return;
    }
    struct error err = result->error;
    preparation->result = result;
    if (err.code == ERROR_INVALID_FUNCTION)
        finding_quote_first(&result->diagnostics, preparation->settings, &err);
    finish(preparation, &err);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct preparation *preparation = context;
    struct error failure = preparation->failure;
    finish(preparation, &failure);
}

/* NULL: there is none, which is reported from the event loop. */
static const struct plugin *find_plugin(struct preparation *preparation)
{
    const char *language = preparation->settings->language;
    const struct plugin *plugin = language ? plugins_find(preparation->env->plugins, language) : NULL;
    if (!plugin) {
        error_set(&preparation->failure, ERROR_UNKNOWN_LANGUAGE, "there is no plugin for the language \"%s\"",
                  language ? language : "");
        event_active(preparation->later, EV_TIMEOUT, 0);
    }
    return plugin;
}

static void submit(struct preparation *preparation)
{
    const struct plugin *plugin = find_plugin(preparation);
    if (!plugin)
        return;
    cleanup_free char *likely =
        preparation->seen ? dependency_store_path(preparation->env->dependencies, preparation->seen) : NULL;
    preparation->looked = true;
    preparation->job = function_job_submit(preparation->env->jobs, plugin, preparation->settings,
                                           BUILD_PACKAGE, likely, on_built, preparation);
}

/* --- what is known from before --- */

static void on_adopted(void *context, bool intact)
{
    struct preparation *preparation = context;
    struct build_result *result = steal(&preparation->result);
    preparation->adoption = NULL;
    if (intact) {
        preparation->known = true;
        take_result(preparation, result);
        return;
    }
    build_result_destroy(result);
    submit(preparation);
}

/* Finds what an earlier preparation with the same inputs came to. */
static bool recall(struct preparation *preparation)
{
    struct record record;
    if (!record_store_find(preparation->env->records, preparation->settings->name, preparation->inputs,
                           &record))
        return false;
    free(preparation->seen);
    preparation->seen = steal(&record.dependency_key);
    preparation->result = steal(&record.result);
    preparation->adoption = package_store_adopt(preparation->env->packages,
                                                preparation->result->package.digest, on_adopted, preparation);
    record_clear(&record);
    return true;
}

struct preparation *preparation_start(struct fleet_env *env, const struct function_settings *settings,
                                      const char *inputs, const char *likely_key, preparation_done_fn *done,
                                      void *owner)
{
    struct preparation *preparation = xcalloc(1, sizeof(*preparation));
    preparation->env = env;
    preparation->settings = settings;
    preparation->seen = likely_key ? xstrdup(likely_key) : NULL;
    preparation->done = done;
    preparation->owner = owner;
    preparation->phase_began_ms = clock_ms();
    preparation->later = evtimer_new(env->base, on_later, preparation);
    snprintf(preparation->inputs, sizeof(preparation->inputs), "%s", inputs);
    const struct plugin *plugin = find_plugin(preparation);
    if (!plugin)
        return preparation;
    preparation->runtime = xstrdup(plugin->language.name);
    preparation->image_dir = plugin->image_dir ? xstrdup(plugin->image_dir) : NULL;
    preparation->builder_dir = plugin->builder_dir ? xstrdup(plugin->builder_dir) : NULL;
    if (!recall(preparation))
        submit(preparation);
    return preparation;
}

void preparation_renew(struct preparation *preparation, const struct function_settings *settings)
{
    preparation->settings = settings;
}

/* "for 43 s; the last line: ...": how far something is that writes. */
static void add_progress(struct error *news, uint64_t since_ms, const char *last_line)
{
    size_t length = strlen(news->message), width = strcspn(last_line, "\n");
    snprintf(news->message + length, sizeof(news->message) - length, ", for %llu s%s%.*s",
             (unsigned long long)(clock_ms() - since_ms) / 1000, width > 0 ? "; the last line of it: " : "",
             (int)(width < NEWS_LINE_MAX ? width : NEWS_LINE_MAX), last_line);
    utf8_repair(news->message);
}

static void describe_install(const struct preparation *preparation, struct error *news)
{
    struct dependency_progress progress;
    dependency_install_progress(preparation->install, &progress);
    if (progress.stage == DEPENDENCIES_QUEUED)
        error_set(news, ERROR_QUEUED, "its dependencies wait for others to be installed");
    else if (progress.stage == DEPENDENCIES_CHECKED)
        error_set(news, ERROR_INSTALLING, "its dependencies, which are there, are being checked");
    else
        error_set(news, ERROR_INSTALLING, "its dependencies are being installed");
    add_progress(news, progress.since_ms, progress.last_line);
}

static void describe_image(const struct preparation *preparation, struct error *news)
{
    struct runtime_image_progress progress;
    runtime_image_progress(preparation->image_request, &progress);
    if (progress.building)
        error_set(news, ERROR_BUILDING_IMAGE, "the image of %s is being built", preparation->runtime);
    else
        error_set(news, ERROR_BUILDING_IMAGE, "Docker is being asked for the image of %s",
                  preparation->runtime);
    add_progress(news, progress.building ? progress.since_ms : preparation->phase_began_ms,
                 progress.last_line);
}

static void describe_job(const struct preparation *preparation, struct error *news)
{
    if (preparation->job && build_job_waits(preparation->job))
        error_set(news, ERROR_QUEUED, "its files wait for those of others to be checked and packaged");
    else
        error_set(news, ERROR_PACKAGING, "its files are being checked and packaged");
    add_progress(news, preparation->phase_began_ms, "");
}

void preparation_describe(const struct preparation *preparation, struct error *ret_news)
{
    if (preparation->install)
        describe_install(preparation, ret_news);
    else if (preparation->image_request)
        describe_image(preparation, ret_news);
    else
        describe_job(preparation, ret_news);
}

void preparation_cancel(struct preparation *preparation)
{
    if (preparation)
        preparation_free(preparation);
}
