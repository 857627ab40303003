#include "fleet/revision/preparation_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "prepare/function_job.h"
#include "prepare/image/image_build.h"
#include "prepare/install/dependency_install.h"
#include "prepare/plugins.h"
#include "prepare/store/dependency_store.h"

#include <string.h>

static void on_revised(void *context, struct build_result *look)
{
    struct preparation *preparation = context;
    preparation->job = NULL;
    preparation_tell_output(preparation, look);
    if (!look->ok)
        preparation->inputs[0] = '\0'; /* what is to be known of it is not known yet */
    build_result_revise(preparation->result, preparation->settings->name, look);
    preparation_complete(preparation);
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
        preparation_complete(preparation);
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
    preparation_log_output(preparation, "dependencies.output",
                           LOG_STR("function", preparation->settings->name), line, elapsed_ms);
}

static void on_installed(void *context, const struct error *err, const char *key, bool installed,
                         const char *output)
{
    struct preparation *preparation = context;
    preparation->install = NULL;
    preparation_tell_dropped(preparation, "dependencies.output-dropped");
    if (err) {
        preparation_finish(preparation, err, output);
        return;
    }
    preparation_take_dependencies(preparation, key);
    revise(preparation, installed);
}

static const char *image_id(const struct preparation *preparation)
{
    return preparation->image_id ? preparation->image_id : "";
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

static void on_builder_image(struct preparation *preparation, const struct image_facts *image)
{
    cleanup_free char *ids = xasprintf("%s %s", image->id, image_id(preparation));
    install(preparation, image->name, ids);
}

void preparation_ensure_dependencies(struct preparation *preparation)
{
    if (!preparation->result->dependencies) {
        revise(preparation, false);
        return;
    }
    if (preparation->builder_dir)
        preparation_make_builder(preparation, on_builder_image);
    else
        install(preparation, preparation->prepared.image, image_id(preparation));
}
