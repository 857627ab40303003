/* The images that are built for a function: its runtime's or a builder's, and, with packages of the
 * distribution that it asks for, another one on that. And the one that it names, which is pulled. */
#include "fleet/revision/preparation_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "prepare/image/apt_reasons.h"
#include "prepare/image/dockerfile_place.h"
#include "prepare/image/image_pull.h"
#include "prepare/image/runtime_image.h"

#include <stdlib.h>

#define DOCKERFILE_MAX                                                                                       \
    (1u << 20) /* larger ones the engine can have, and no finding tells of a line there                      \
                */

static void on_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct preparation *preparation = context;
    preparation_log_output(preparation, "image.output", LOG_STR("runtime", preparation->runtime), line,
                           elapsed_ms);
}

static void end_request(struct preparation *preparation)
{
    preparation->image_request = NULL;
    preparation_tell_dropped(preparation, "image.output-dropped");
}

static const char *output_of(const struct image_failure *failure)
{
    return failure ? failure->output : NULL;
}

/* That a package is not to be had is a mistake in the registry, with its place there. */
static void on_system_image(void *context, const struct error *err, const struct image_facts *image,
                            const struct image_failure *failure)
{
    struct preparation *preparation = context;
    end_request(preparation);
    if (!err) {
        preparation->image_made(preparation, image);
        return;
    }
    if (err->code == ERROR_SYSTEM_PACKAGES && preparation->result)
        apt_reasons_find(output_of(failure), &preparation->settings->system_packages, err->message,
                         &preparation->result->diagnostics);
    preparation_finish(preparation, err, output_of(failure));
}

static struct runtime_image_wish make_wish(const struct preparation *preparation, const char *folder)
{
    return (struct runtime_image_wish){
        .name = preparation->runtime, .base = preparation->settings->base, .folder = folder};
}

/* Goes on with the packages of the function, where it has any. */
static void add_packages(struct preparation *preparation, const struct image_facts *image)
{
    const struct package_list *packages = &preparation->settings->system_packages;
    static const struct runtime_image_callbacks callbacks = {.line = on_line, .done = on_system_image};
    if (packages->count == 0) {
        preparation->image_made(preparation, image);
        return;
    }
    const struct runtime_image_wish wish = make_wish(preparation, NULL);
    preparation->adds_packages = true;
    preparation->phase_began_ms = clock_ms();
    preparation->image_request = runtime_images_ensure_system(preparation->env->images, &wish, image->name,
                                                              packages, &callbacks, preparation);
}

static void on_runtime_image(void *context, const struct error *err, const struct image_facts *image,
                             const struct image_failure *failure)
{
    struct preparation *preparation = context;
    end_request(preparation);
    if (err) {
        preparation_finish(preparation, err, output_of(failure));
        return;
    }
    free(preparation->prepared.runtime_image);
    free(preparation->runtime_image_id);
    preparation->prepared.runtime_image = xstrdup(image->name);
    preparation->runtime_image_id = xstrdup(image->id);
    add_packages(preparation, image);
}

void preparation_make_image(struct preparation *preparation, preparation_image_fn *made)
{
    static const struct runtime_image_callbacks callbacks = {.line = on_line, .done = on_runtime_image};
    preparation->image_made = made;
    preparation->adds_packages = false;
    preparation->phase_began_ms = clock_ms();
    const struct runtime_image_wish wish = make_wish(preparation, preparation->image_dir);
    preparation->image_request =
        runtime_images_ensure(preparation->env->images, &wish, &callbacks, preparation);
}

static void on_builder_image(void *context, const struct error *err, const struct image_facts *image,
                             const struct image_failure *failure)
{
    struct preparation *preparation = context;
    end_request(preparation);
    if (err)
        preparation_finish(preparation, err, output_of(failure));
    else
        add_packages(preparation, image);
}

/* It is given the runtime image without packages, so that it is the same for all functions. */
void preparation_make_builder(struct preparation *preparation, preparation_image_fn *made)
{
    static const struct runtime_image_callbacks callbacks = {.line = on_line, .done = on_builder_image};
    const struct prepared *prepared = &preparation->prepared;
    preparation->image_made = made;
    preparation->adds_packages = false;
    preparation->phase_began_ms = clock_ms();
    const struct runtime_image_wish wish = make_wish(preparation, preparation->builder_dir);
    preparation->image_request = runtime_images_ensure_builder(
        preparation->env->images, &wish, prepared->runtime_image ? prepared->runtime_image : prepared->image,
        preparation->runtime_image_id ? preparation->runtime_image_id : "", &callbacks, preparation);
}

/* Finds the instruction that the build failed at. False: there is none to be named. */
static bool find_place(const struct preparation *preparation, const struct image_failure *failure,
                       struct dockerfile_place *ret_place, const char **ret_reason)
{
    cleanup_free char *text = NULL;
    cleanup_free char *path =
        xasprintf("%s/%s", preparation->prepared.code_dir, preparation->result->launch->dockerfile);
    size_t size;
    struct error err;
    unsigned named = dockerfile_place_named(failure->reason, ret_reason);
    if (fs_read_file(path, DOCKERFILE_MAX, &text, &size, &err) < 0)
        return false;
    if (named > 0)
        return dockerfile_place_of_line(text, size, named, ret_place);
    return failure->step > 0 && dockerfile_place_of_step(text, size, failure->step, ret_place);
}

/* That it cannot be built is a mistake in the Dockerfile, with its place there. */
static void report_own(struct preparation *preparation, const struct image_failure *failure)
{
    struct dockerfile_place place = {0};
    const char *reason = failure->reason;
    bool is_found = find_place(preparation, failure, &place, &reason);
    cleanup_free char *file =
        xasprintf("%s/%s", preparation->settings->folder, preparation->result->launch->dockerfile);
    cleanup_free char *message =
        is_found && failure->exit_code
            ? xasprintf("%s failed: %s (exit code %.5s)", place.instruction, reason, failure->exit_code)
            : xstrdup(reason);
    const struct diagnostic item = {.severity = SEVERITY_ERROR,
                                    .function = preparation->settings->name,
                                    .file = file,
                                    .line = place.line,
                                    .column = place.column,
                                    .message = message};
    diagnostics_add(&preparation->result->diagnostics, &item);
}

static void on_own_image(void *context, const struct error *err, const struct image_facts *image,
                         const struct image_failure *failure)
{
    struct preparation *preparation = context;
    end_request(preparation);
    if (failure && failure->reason)
        report_own(preparation, failure);
    if (err)
        preparation_finish(preparation, err, output_of(failure));
    else
        preparation->image_made(preparation, image);
}

void preparation_build_own(struct preparation *preparation, const char *file, preparation_image_fn *made)
{
    static const struct runtime_image_callbacks callbacks = {.line = on_line, .done = on_own_image};
    const struct prepared *prepared = &preparation->prepared;
    preparation->image_made = made;
    preparation->adds_packages = false;
    preparation->phase_began_ms = clock_ms();
    const struct runtime_image_wish wish = {.name = preparation->settings->name,
                                            .base = preparation->settings->base,
                                            .folder = prepared->code_dir};
    preparation->image_request = runtime_images_ensure_function(
        preparation->env->images, &wish, prepared->package_digest, file, &callbacks, preparation);
}

static void on_pull_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct preparation *preparation = context;
    preparation_log_output(preparation, "image.output", LOG_STR("image", preparation->result->launch->image),
                           line, elapsed_ms);
}

static void on_pulled(void *context, const struct error *err)
{
    struct preparation *preparation = context;
    preparation->pull = NULL;
    preparation_tell_dropped(preparation, "image.output-dropped");
    if (err)
        preparation_finish(preparation, err, NULL);
    else
        preparation->pulled(preparation);
}

void preparation_pull(struct preparation *preparation, preparation_pulled_fn *pulled)
{
    static const struct image_pull_callbacks callbacks = {.line = on_pull_line, .done = on_pulled};
    const struct fleet_env *env = preparation->env;
    preparation->pulled = pulled;
    preparation->phase_began_ms = clock_ms();
    preparation->pull = image_pull_start(env->docker, env->logins, preparation->result->launch->image,
                                         &callbacks, preparation);
}
