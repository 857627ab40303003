/*
 * Runtime images: the local image of a plugin's runtime, built once from the plugin's image folder and named
 *
 *     berth-runtime-<name>:<first 16 digits of a hash of the image folder's contents and the base image's id>
 *
 * so that a changed folder or base makes a new one and nothing else does. A builder image, in which
 * dependencies of that runtime are installed, is made likewise from a folder of its own, named
 *
 *     berth-builder-<name>:<the same, with the runtime image's id>
 *
 * and may stand on the runtime image. A system image is either of them with packages of the distribution that
 * functions ask for, named
 *
 *     berth-system-<name>:<the same of the id of that image, and of the packages>
 *
 * A function's own image is built from its package, named
 *
 *     berth-function-<function>:<the same of the package and the Dockerfile's path>
 *
 * In all of them capitals are small letters, and underscores dashes, as the engine wants it.
 *
 * Requests for the same image share one build. Control thread only.
 */
#ifndef PREPARE_IMAGE_RUNTIME_IMAGE_H
#define PREPARE_IMAGE_RUNTIME_IMAGE_H

#include "base/background.h"
#include "base/error.h"
#include "config/registry.h"
#include "prepare/image/image_build.h"

#include <stdint.h>

/* What their names begin with; nobody else's do. */
#define RUNTIME_IMAGE_PREFIX  "berth-runtime-"
#define BUILDER_IMAGE_PREFIX  "berth-builder-"
#define SYSTEM_IMAGE_PREFIX   "berth-system-"
#define FUNCTION_IMAGE_PREFIX "berth-function-"

/* The user that instances and builder containers run as. */
#define RUNTIME_IMAGE_UID 10001
#define RUNTIME_IMAGE_GID 10001

struct runtime_images;
struct runtime_image_request;

struct runtime_images_options {
    struct docker *docker; /* outlives it */
    struct background *background; /* outlives it */
};

/* Which image is wanted. Everything is copied. */
struct runtime_image_wish {
    const char *name; /* of the runtime */
    const char *base; /* the release that it stands on, as in function_settings; NULL: BASE_SUITE */
    const char *folder; /* absolute: the runtime's image folder, or its builder folder */
};

struct runtime_image_callbacks {
    /* One line of the build's output; `elapsed_ms` since the build began. Of those who share a build only
     * the longest waiting one is told. May be NULL; must not cancel requests. */
    void (*line)(void *context, const char *line, uint64_t elapsed_ms);
    /* The end: `err` NULL, and the image; else that is NULL, and `failure` tells of the build, or NULL: it
     * was not built. Borrowed. */
    void (*done)(void *context, const struct error *err, const struct image_facts *image,
                 const struct image_failure *failure);
};

/* The options are copied. Never NULL. */
struct runtime_images *runtime_images_create(const struct runtime_images_options *options);

/* Ends every request silently and stops the engine's work on them. Not from a callback. NULL is fine. */
void runtime_images_destroy(struct runtime_images *images);

/* Makes sure that the image of a runtime exists. Its Dockerfile is given the base image as BERTH_BASE, and
 * as BERTH_BUILD what is another text at each build, so that a step behind it is run. `done` is called
 * exactly once, from the event loop and never from inside, unless the request is cancelled. Errors: component
 * "build" and one of these reasons, base-image-missing  the base image is not there; the hint says how to
 * make it image-folder        the folder cannot be read or those of image_build.h. Failure is logged. */
struct runtime_image_request *runtime_images_ensure(struct runtime_images *images,
                                                    const struct runtime_image_wish *wish,
                                                    const struct runtime_image_callbacks *callbacks,
                                                    void *context);

/* The same for the builder image of that runtime, with its builder folder. Its Dockerfile is given the name
 * of the runtime image, `runtime_image`, as BERTH_RUNTIME; `runtime_image_id` is part of its own name. */
struct runtime_image_request *
runtime_images_ensure_builder(struct runtime_images *images, const struct runtime_image_wish *wish,
                              const char *runtime_image, const char *runtime_image_id,
                              const struct runtime_image_callbacks *callbacks, void *context);

/* The same for the system image of that runtime that stands on the image `from` and has `packages`; there is
 * no folder. Of its errors "system-packages" says what apt-get does. */
struct runtime_image_request *
runtime_images_ensure_system(struct runtime_images *images, const struct runtime_image_wish *wish,
                             const char *from, const struct package_list *packages,
                             const struct runtime_image_callbacks *callbacks, void *context);

/* The same for the image of a function, whose name the wish has, and its package as the folder: from the
 * Dockerfile at `file` in it. `digest` is the package's. */
struct runtime_image_request *runtime_images_ensure_function(struct runtime_images *images,
                                                             const struct runtime_image_wish *wish,
                                                             const char *digest, const char *file,
                                                             const struct runtime_image_callbacks *callbacks,
                                                             void *context);

void runtime_image_progress(const struct runtime_image_request *request, struct image_progress *ret_progress);

/* Ends one request silently; the build stops when nobody waits for it. NULL is fine. */
void runtime_image_cancel(struct runtime_image_request *request);

#endif
