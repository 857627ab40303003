/* In the place of prepare/image/runtime_image.c and image_prune.c: images that are there after a while. */
#include "prepare/image/image_prune.h"
#include "prepare/image/runtime_image.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "sim.h"
#include "trace.h"

#include <stdlib.h>

struct runtime_images {
    TAILQ_HEAD(, runtime_image_request) requests;
};

struct runtime_image_request {
    TAILQ_ENTRY(runtime_image_request) link;
    struct runtime_images *images;
    char *name; /* of the image */
    struct runtime_image_callbacks callbacks;
    void *context;
    struct agenda_item *end;
};

static struct runtime_image_request *take(struct runtime_image_request *request)
{
    TAILQ_REMOVE(&request->images->requests, request, link);
    agenda_strike(request->end);
    return request;
}

static void on_end(void *context)
{
    struct runtime_image_request *request = context;
    request->end = NULL;
    take(request);
    if (chance_in_1000(&sim.chance, sim.weather.bad_build)) {
        struct error err;
        trace_fault(FAULT_BUILDS, "the image %s cannot be made", request->name);
        error_set_in(&err, COMPONENT_DOCKER, ERROR_DOCKER_ERROR, "the image cannot be made");
        request->callbacks.done(request->context, &err, NULL, NULL);
    } else {
        const struct image_facts facts = {.name = request->name, .id = "sha256:0123", .interpreter = ""};
        request->callbacks.done(request->context, NULL, &facts, NULL);
    }
    free(request->name);
    free(request);
}

struct runtime_images *runtime_images_create(const struct runtime_images_options *options)
{
    (void)options;
    struct runtime_images *images = xcalloc(1, sizeof(*images));
    TAILQ_INIT(&images->requests);
    return images;
}

void runtime_images_destroy(struct runtime_images *images)
{
    if (!images)
        return;
    while (!TAILQ_EMPTY(&images->requests))
        runtime_image_cancel(TAILQ_FIRST(&images->requests));
    free(images);
}

static struct runtime_image_request *ensure(struct runtime_images *images, const char *prefix,
                                            const struct runtime_image_wish *wish,
                                            const struct runtime_image_callbacks *callbacks, void *context)
{
    struct runtime_image_request *request = xcalloc(1, sizeof(*request));
    *request = (struct runtime_image_request){.images = images,
                                              .name = xasprintf("%s%s:0123", prefix, wish->name),
                                              .callbacks = *callbacks,
                                              .context = context};
    TAILQ_INSERT_TAIL(&images->requests, request, link);
    request->end = agenda_add_daemons(chance_skewed(&sim.chance, 1, 2000), on_end, request);
    return request;
}

struct runtime_image_request *runtime_images_ensure(struct runtime_images *images,
                                                    const struct runtime_image_wish *wish,
                                                    const struct runtime_image_callbacks *callbacks,
                                                    void *context)
{
    return ensure(images, RUNTIME_IMAGE_PREFIX, wish, callbacks, context);
}

struct runtime_image_request *
runtime_images_ensure_builder(struct runtime_images *images, const struct runtime_image_wish *wish,
                              const char *runtime_image, const char *runtime_image_id,
                              const struct runtime_image_callbacks *callbacks, void *context)
{
    (void)runtime_image, (void)runtime_image_id;
    return ensure(images, BUILDER_IMAGE_PREFIX, wish, callbacks, context);
}

struct runtime_image_request *
runtime_images_ensure_system(struct runtime_images *images, const struct runtime_image_wish *wish,
                             const char *from, const struct package_list *packages,
                             const struct runtime_image_callbacks *callbacks, void *context)
{
    (void)from, (void)packages;
    return ensure(images, SYSTEM_IMAGE_PREFIX, wish, callbacks, context);
}

struct runtime_image_request *runtime_images_ensure_function(struct runtime_images *images,
                                                             const struct runtime_image_wish *wish,
                                                             const char *digest, const char *file,
                                                             const struct runtime_image_callbacks *callbacks,
                                                             void *context)
{
    (void)digest, (void)file;
    return ensure(images, FUNCTION_IMAGE_PREFIX, wish, callbacks, context);
}

void runtime_image_progress(const struct runtime_image_request *request, struct image_progress *ret_progress)
{
    (void)request;
    *ret_progress = (struct image_progress){.last_line = ""};
}

void runtime_image_cancel(struct runtime_image_request *request)
{
    if (!request)
        return;
    take(request);
    free(request->name);
    free(request);
}

/* --- none is superseded --- */

struct image_prune *image_prune_start(struct docker *docker, const char *const *used, size_t used_count,
                                      const struct image_budget *budget)
{
    (void)docker, (void)used, (void)used_count, (void)budget;
    return NULL;
}

void image_prune_end(struct image_prune *prune)
{
    (void)prune;
}
