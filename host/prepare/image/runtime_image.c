#include "prepare/image/runtime_image.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/hash.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/queue.h"
#include "docker/image.h"
#include "prepare/image/image_look.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_DIGITS   16
#define BUILD_DIGITS 16

/* What makes an image with packages of the distribution from any other. An index that cannot be had is a
 * failure of its own, and not one of the packages that are then not found. */
#define SYSTEM_STEPS                                                                                         \
    "ARG BERTH_FROM\n"                                                                                       \
    "FROM ${BERTH_FROM}\n"                                                                                   \
    "USER root\n"                                                                                            \
    "ARG BERTH_PACKAGES\n"                                                                                   \
    "RUN export DEBIAN_FRONTEND=noninteractive"                                                              \
    " && apt-get -q -o APT::Update::Error-Mode=any update"                                                   \
    " && apt-get -q install -y --no-install-recommends ${BERTH_PACKAGES}"                                    \
    " && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt "                \
    "/var/log/dpkg.log\n"

/* One request: waits for a look at what the image is made from, then for the build of its name. */
struct runtime_image_request {
    struct runtime_images *images;
    enum image_kind kind;
    char *name, *base, *folder; /* no folder: of a system image */
    char *from, *from_id; /* the image that this one stands on; NULL: of a runtime image */
    char *packages; /* of a system image */
    struct runtime_image_callbacks callbacks;
    void *context;
    struct image_looker looker;
    struct docker_call *call; /* looks at `from`, of a system image */
    struct image_waiter waiter;
    TAILQ_ENTRY(runtime_image_request) link;
};

struct runtime_images {
    struct docker *docker;
    struct image_looks *looks;
    struct image_builds *builds;
    TAILQ_HEAD(, runtime_image_request) requests;
};

struct runtime_images *runtime_images_create(const struct runtime_images_options *options)
{
    struct runtime_images *images = xcalloc(1, sizeof(*images));
    TAILQ_INIT(&images->requests);
    images->docker = options->docker;
    images->looks = image_looks_create(options->docker, options->background);
    images->builds = image_builds_create(options->docker);
    return images;
}

static void request_free(struct runtime_image_request *request)
{
    image_look_leave(&request->looker);
    image_build_leave(&request->waiter);
    docker_cancel(request->call);
    free(request->name);
    free(request->base);
    free(request->folder);
    free(request->from);
    free(request->from_id);
    free(request->packages);
    free(request);
}

void runtime_image_cancel(struct runtime_image_request *request)
{
    if (!request)
        return;
    TAILQ_REMOVE(&request->images->requests, request, link);
    request_free(request);
}

void runtime_images_destroy(struct runtime_images *images)
{
    if (!images)
        return;
    for (struct runtime_image_request *request; (request = queue_take_first(&images->requests, link));)
        request_free(request);
    image_builds_destroy(images->builds);
    image_looks_destroy(images->looks);
    free(images);
}

static void finish(struct runtime_image_request *request, const struct error *err,
                   const struct image_facts *image, const struct image_failure *failure)
{
    const struct runtime_image_callbacks callbacks = request->callbacks;
    void *context = request->context;
    runtime_image_cancel(request);
    callbacks.done(context, err, image, failure);
}

/* Ends a request that has no build yet. */
static void request_fail(struct runtime_image_request *request, const struct error *err)
{
    log_warning("image.failed", LOG_STR("runtime", request->name), LOG_ERR(err));
    finish(request, err, NULL, NULL);
}

static void on_line(struct image_waiter *waiter, const char *line, uint64_t elapsed_ms)
{
    const struct runtime_image_request *request = container_of(waiter, struct runtime_image_request, waiter);
    if (request->callbacks.line)
        request->callbacks.line(request->context, line, elapsed_ms);
}

static void on_image(struct image_waiter *waiter, const struct error *err, const struct image_facts *image,
                     const struct image_failure *failure)
{
    finish(container_of(waiter, struct runtime_image_request, waiter), err, image, failure);
}

/* As the engine's names have it: a function's may have capitals, and underscores anywhere. Functions that are
 * the same by this share an image only if all that goes into it is the same. */
static void spell(char *name)
{
    for (; *name; name++)
        *name = (char)(*name == '_' ? '-' : tolower((unsigned char)*name));
}

/* The image's name: of the runtime, and a hash of all that goes into it. */
static void make_name(const struct runtime_image_request *request, const char *prefix,
                      const char *const *parts, char ret_name[IMAGE_NAME_MAX])
{
    char hex[HASH_HEX_SIZE];
    struct hash *hash = hash_create();
    for (const char *const *part = parts; *part; part++)
        hash_update_text(hash, *part);
    hash_finish(hash, hex);
    snprintf(ret_name, IMAGE_NAME_MAX, "%s%s:%.*s", prefix, request->name, TAG_DIGITS, hex);
    spell(ret_name);
}

static void on_seen(struct image_looker *looker, const struct error *err, const char *base_id,
                    const char *digest)
{
    struct runtime_image_request *request = container_of(looker, struct runtime_image_request, looker);
    if (err) {
        request_fail(request, err);
        return;
    }
    bool builder = request->kind == IMAGE_BUILDER;
    const char *const parts[] = {digest, base_id, request->from_id, NULL};
    char image[IMAGE_NAME_MAX], build_id[BUILD_DIGITS + 1];
    ident_random(build_id, BUILD_DIGITS);
    cleanup_free char *base_image = xasprintf(IMAGE_BASE_PREFIX "%s", request->base);
    const struct docker_pair arguments[] = {
        {"BERTH_BASE", base_image},
        builder ? (struct docker_pair){"BERTH_RUNTIME", request->from}
                : (struct docker_pair){"BERTH_BUILD", build_id},
    };
    make_name(request, builder ? BUILDER_IMAGE_PREFIX : RUNTIME_IMAGE_PREFIX, parts, image);
    const struct image_recipe recipe = {.kind = request->kind,
                                        .image = image,
                                        .runtime = request->name,
                                        .base = request->base,
                                        .folder = request->folder,
                                        .arguments = arguments,
                                        .argument_count = 2};
    image_build_join(request->images->builds, &recipe, &request->waiter);
}

static struct runtime_image_request *request_create(struct runtime_images *images, enum image_kind kind,
                                                    const struct runtime_image_wish *wish,
                                                    const struct runtime_image_callbacks *callbacks,
                                                    void *context)
{
    struct runtime_image_request *request = xcalloc(1, sizeof(*request));
    *request = (struct runtime_image_request){
        .images = images,
        .kind = kind,
        .name = xstrdup(wish->name),
        .base = xstrdup(wish->base ? wish->base : BASE_SUITE),
        .folder = wish->folder ? xstrdup(wish->folder) : NULL,
        .callbacks = *callbacks,
        .context = context,
        .looker = {.done = on_seen},
        .waiter = {.line = callbacks->line ? on_line : NULL, .done = on_image}};
    TAILQ_INSERT_TAIL(&images->requests, request, link);
    return request;
}

struct runtime_image_request *runtime_images_ensure(struct runtime_images *images,
                                                    const struct runtime_image_wish *wish,
                                                    const struct runtime_image_callbacks *callbacks,
                                                    void *context)
{
    struct runtime_image_request *request = request_create(images, IMAGE_RUNTIME, wish, callbacks, context);
    image_look_join(images->looks, &request->looker, request->base, request->folder);
    return request;
}

struct runtime_image_request *
runtime_images_ensure_builder(struct runtime_images *images, const struct runtime_image_wish *wish,
                              const char *runtime_image, const char *runtime_image_id,
                              const struct runtime_image_callbacks *callbacks, void *context)
{
    struct runtime_image_request *request = request_create(images, IMAGE_BUILDER, wish, callbacks, context);
    request->from = xstrdup(runtime_image);
    request->from_id = xstrdup(runtime_image_id);
    image_look_join(images->looks, &request->looker, request->base, request->folder);
    return request;
}

static void on_from(void *owner, const struct error *err, const struct docker_image *from)
{
    struct runtime_image_request *request = owner;
    request->call = NULL;
    if (err) {
        request_fail(request, err);
        return;
    }
    bool own_user = *from->user != '\0';
    cleanup_free char *steps =
        xasprintf("%s%s%s%s", SYSTEM_STEPS, own_user ? "USER " : "", from->user, own_user ? "\n" : "");
    const char *const parts[] = {steps, from->id, request->packages, NULL};
    const struct docker_pair arguments[] = {{"BERTH_FROM", request->from},
                                            {"BERTH_PACKAGES", request->packages}};
    char image[IMAGE_NAME_MAX];
    make_name(request, SYSTEM_IMAGE_PREFIX, parts, image);
    const struct image_recipe recipe = {.kind = IMAGE_SYSTEM,
                                        .image = image,
                                        .runtime = request->name,
                                        .base = request->base,
                                        .dockerfile = steps,
                                        .arguments = arguments,
                                        .argument_count = 2};
    image_build_join(request->images->builds, &recipe, &request->waiter);
}

struct runtime_image_request *
runtime_images_ensure_system(struct runtime_images *images, const struct runtime_image_wish *wish,
                             const char *from, const struct package_list *packages,
                             const struct runtime_image_callbacks *callbacks, void *context)
{
    struct runtime_image_request *request = request_create(images, IMAGE_SYSTEM, wish, callbacks, context);
    request->from = xstrdup(from);
    request->packages = package_list_text(packages);
    request->call = docker_image_inspect(images->docker, from, on_from, request);
    return request;
}

struct runtime_image_request *runtime_images_ensure_function(struct runtime_images *images,
                                                             const struct runtime_image_wish *wish,
                                                             const char *digest, const char *file,
                                                             const struct runtime_image_callbacks *callbacks,
                                                             void *context)
{
    struct runtime_image_request *request = request_create(images, IMAGE_FUNCTION, wish, callbacks, context);
    cleanup_free char *base_image = xasprintf(IMAGE_BASE_PREFIX "%s", request->base);
    const char *const parts[] = {file, digest, base_image, NULL};
    const struct docker_pair arguments[] = {{"BERTH_BASE", base_image}};
    char image[IMAGE_NAME_MAX];
    make_name(request, FUNCTION_IMAGE_PREFIX, parts, image);
    const struct image_recipe recipe = {.kind = IMAGE_FUNCTION,
                                        .image = image,
                                        .runtime = request->name,
                                        .base = request->base,
                                        .folder = request->folder,
                                        .file = file,
                                        .arguments = arguments,
                                        .argument_count = 1};
    image_build_join(images->builds, &recipe, &request->waiter);
    return request;
}

void runtime_image_progress(const struct runtime_image_request *request, struct image_progress *ret_progress)
{
    image_build_progress(&request->waiter, ret_progress);
}
