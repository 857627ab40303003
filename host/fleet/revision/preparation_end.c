#include "fleet/revision/preparation_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "docker/docker.h"
#include "fleet/revision/revision_digest.h"
#include "prepare/image/image_pull.h"
#include "prepare/image/runtime_image.h"
#include "prepare/install/dependency_install.h"
#include "prepare/process/build_job.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/record_store.h"

#include <stdlib.h>
#include <string.h>

void prepared_clear(struct prepared *prepared)
{
    free(prepared->code_dir);
    free(prepared->dependency_key);
    free(prepared->dependency_name);
    free(prepared->image);
    free(prepared->runtime_image);
    free(prepared->interpreter);
    build_launch_destroy(prepared->launch);
    *prepared = (struct prepared){0};
}

bool prepared_is_on_base(const struct prepared *prepared)
{
    const struct build_launch *launch = prepared->launch;
    return launch && !launch->image && !launch->dockerfile;
}

struct preparation *preparation_create(struct fleet_env *env, const struct function_settings *settings,
                                       preparation_done_fn *done, void *owner)
{
    struct preparation *preparation = xcalloc(1, sizeof(*preparation));
    preparation->env = env;
    preparation->settings = settings;
    preparation->done = done;
    preparation->owner = owner;
    preparation->phase_began_ms = clock_ms();
    return preparation;
}

void preparation_take_dependencies(struct preparation *preparation, const char *key)
{
    char name[HASH_HEX_SIZE];
    dependency_store_name(preparation->env->dependencies, key, name);
    preparation->prepared.dependency_key = xstrdup(key);
    preparation->prepared.dependency_name = xstrdup(name);
}

void preparation_cancel(struct preparation *preparation)
{
    if (!preparation)
        return;
    build_job_cancel(preparation->job);
    package_adoption_cancel(preparation->adoption);
    runtime_image_cancel(preparation->image_request);
    image_pull_cancel(preparation->pull);
    docker_cancel(preparation->command);
    dependency_install_cancel(preparation->install);
    if (preparation->look)
        preparation->look->preparation = NULL;
    if (preparation->result && preparation->result->package.staged)
        package_store_discard(preparation->env->packages, &preparation->result->package);
    build_result_destroy(preparation->result);
    prepared_clear(&preparation->prepared);
    if (preparation->later)
        event_free(preparation->later);
    free(preparation->runtime);
    free(preparation->image_dir);
    free(preparation->builder_dir);
    free(preparation->seen);
    free(preparation->image_id);
    free(preparation->runtime_image_id);
    texts_free(preparation->image_command);
    free(preparation);
}

void preparation_finish(struct preparation *preparation, const struct error *err, const char *output)
{
    struct diagnostics none = {0};
    struct diagnostics *diagnostics = preparation->result ? &preparation->result->diagnostics : &none;
    if (err)
        prepared_clear(&preparation->prepared);
    preparation->done(preparation->owner, err, &preparation->prepared, diagnostics, output);
    preparation->prepared = (struct prepared){0};
    preparation_cancel(preparation);
}

/* Keeps what has been found, so that the same need not be found again. */
static void keep_record(const struct preparation *preparation)
{
    struct record record = {.dependency_key = preparation->prepared.dependency_key,
                            .result = preparation->result};
    memcpy(record.inputs, preparation->inputs, sizeof(record.inputs));
    record_store_put(preparation->env->records, preparation->settings->name, &record);
}

void preparation_complete(struct preparation *preparation)
{
    if (preparation->looked && *preparation->inputs)
        keep_record(preparation);
    preparation->prepared.launch = steal(&preparation->result->launch);
    if (preparation->image_command)
        preparation->prepared.launch->command = steal(&preparation->image_command);
    revision_digest(preparation->settings, &preparation->prepared);
    preparation_finish(preparation, NULL, NULL);
}

/* --- what its steps write, in the log --- */

void preparation_log_output(struct preparation *preparation, const char *event, struct log_field whose,
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

void preparation_tell_dropped(struct preparation *preparation, const char *event)
{
    struct output_drops drops;
    if (output_limit_take_drops(&preparation->output, &drops))
        log_warning(event, LOG_STR("function", preparation->settings->name), LOG_INT("lines", drops.lines),
                    LOG_INT("bytes", drops.bytes), LOG_INT("within_ms", clock_ms() - drops.since_ms));
}

void preparation_tell_output(const struct preparation *preparation, const struct build_result *result)
{
    if (*result->output)
        log_traffic(LOG_INFO, "plugin.output", LOG_STR("function", preparation->settings->name),
                    LOG_STR("text", result->output));
}
