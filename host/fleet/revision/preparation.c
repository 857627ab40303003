#include "fleet/revision/preparation_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "docker/image.h"
#include "fleet/revision/engine_runtime.h"
#include "fleet/revision/finding.h"
#include "prepare/function_job.h"
#include "prepare/image/image_build.h"
#include "prepare/launch_check.h"
#include "prepare/plugins.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/record_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- image and package --- */

/* Once. False: the preparation is over. */
static bool keep_package(struct preparation *preparation)
{
    struct build_package *package = &preparation->result->package;
    struct prepared *prepared = &preparation->prepared;
    struct error err;
    if (prepared->code_dir)
        return true;
    memcpy(prepared->package_digest, package->digest, sizeof(prepared->package_digest));
    prepared->package_bytes = package->bytes;
    prepared->package_files = package->files;
    if (!preparation->known && package_store_commit(preparation->env->packages, package, &err) < 0) {
        preparation_finish(preparation, &err, NULL);
        return false;
    }
    prepared->code_dir = package_store_path(preparation->env->packages, prepared->package_digest);
    return true;
}

static void go_on(struct preparation *preparation)
{
    if (keep_package(preparation))
        preparation_ensure_dependencies(preparation);
}

/* Takes what the image runs, where the plugin has left that to it. */
static void take_command(struct preparation *preparation, const struct docker_image *image)
{
    struct error err;
    if (image->command[0]) {
        preparation->image_command = texts_copy(image->command);
        go_on(preparation);
        return;
    }
    error_set(&err, ERROR_PLUGIN_CONTRACT,
              "the plugin \"%s\" names no command, and neither does its image %s", preparation->runtime,
              preparation->prepared.image);
    preparation_finish(preparation, &err, NULL);
}

static void on_command(void *owner, const struct error *err, const struct docker_image *image)
{
    struct preparation *preparation = owner;
    preparation->command = NULL;
    if (err)
        preparation_finish(preparation, err, NULL);
    else
        take_command(preparation, image);
}

static void on_image(struct preparation *preparation, const struct image_facts *image)
{
    preparation->prepared.image = xstrdup(image->name);
    preparation->prepared.interpreter = xstrdup(image->interpreter);
    preparation->image_id = xstrdup(image->id);
    if (preparation->result->launch->command)
        go_on(preparation);
    else
        preparation->command =
            docker_image_inspect(preparation->env->docker, image->name, on_command, preparation);
}

static void ensure_image(struct preparation *preparation);

/* Instances are started from the very image that the name stands for at the moment: what it stands for later
 * is another revision. */
static void on_named_image(void *owner, const struct error *err, const struct docker_image *image)
{
    struct preparation *preparation = owner;
    preparation->command = NULL;
    if (err && err->code == ERROR_NOT_FOUND && !preparation->pulled) {
        preparation_pull(preparation, ensure_image);
        return;
    }
    if (err) {
        preparation_finish(preparation, err, NULL);
        return;
    }
    preparation->prepared.image = xstrdup(image->id);
    if (preparation->result->launch->command)
        go_on(preparation);
    else
        take_command(preparation, image);
}

static void ensure_image(struct preparation *preparation)
{
    const struct build_launch *launch = preparation->result->launch;
    if (launch->image)
        preparation->command =
            docker_image_inspect(preparation->env->docker, launch->image, on_named_image, preparation);
    else if (!launch->dockerfile)
        preparation_make_image(preparation, on_image);
    else if (keep_package(preparation))
        preparation_build_own(preparation, launch->dockerfile, on_image);
}

/* --- the build job --- */

/* Where the function's files or settings are at fault, says where. */
static void fail(struct preparation *preparation, const struct error *err)
{
    struct error told = *err;
    if (err->code == ERROR_INVALID_FUNCTION)
        finding_quote_first(&preparation->result->diagnostics, preparation->settings, &told);
    preparation_finish(preparation, &told, NULL);
}

/* What is known of the function, by a job or from before, is good. */
static void take_result(struct preparation *preparation, struct build_result *result)
{
    struct error err;
    preparation->result = result;
    if (launch_check(result->launch, preparation->runtime, preparation->image_dir, &err) < 0 ||
        launch_check_settings(result->launch, preparation->settings, preparation->image_dir,
                              &result->diagnostics, &err) < 0)
        fail(preparation, &err);
    else
        ensure_image(preparation);
}

static void on_built(void *context, struct build_result *result)
{
    struct preparation *preparation = context;
    preparation->job = NULL;
    preparation_tell_output(preparation, result);
    if (result->ok) {
        take_result(preparation, result);
        return;
    }
    preparation->result = result;
    fail(preparation, &result->error);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct preparation *preparation = context;
    struct error failure = preparation->failure;
    preparation_finish(preparation, &failure, NULL);
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
    struct preparation *preparation = preparation_create(env, settings, done, owner);
    preparation->seen = likely_key ? xstrdup(likely_key) : NULL;
    preparation->later = evtimer_new(env->base, on_later, preparation);
    snprintf(preparation->inputs, sizeof(preparation->inputs), "%s", inputs);
    const struct plugin *plugin = find_plugin(preparation);
    if (!plugin)
        return preparation;
    if (engine_runtime_check(env, settings, &preparation->failure) < 0) {
        event_active(preparation->later, EV_TIMEOUT, 0);
        return preparation;
    }
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
