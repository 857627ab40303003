/*
 * Images: built from a folder, pulled, inspected, listed, removed. See docker.h for how calls, results and
 * errors work. `name` is a name with or without tag ("latest" is meant then), or an id.
 */
#ifndef DOCKER_IMAGE_H
#define DOCKER_IMAGE_H

#include "docker/docker.h"

#include <stdint.h>

struct docker_image {
    const char *id; /* "sha256:..." */
    const char *name; /* its first name with tag, or "" */
    int64_t created_s; /* Unix time; only in lists, else 0 */
    const struct docker_labels *labels;
    const char *user; /* that it runs as, or ""; "" in lists */
    const char *const *command; /* entrypoint and arguments that it runs, ended by NULL; NULL in lists */
};

typedef void docker_image_fn(void *owner, const struct error *err, const struct docker_image *image);

/* "not-found" when there is no such image. */
struct docker_call *docker_image_inspect(struct docker *docker, const char *name, docker_image_fn *done,
                                         void *owner);

typedef void docker_images_fn(void *owner, const struct error *err, const struct docker_image *images,
                              size_t count);

/* Lists images that carry all of `labels`, each "name" or "name=value", ended by NULL. NULL: every image. */
struct docker_call *docker_image_list(struct docker *docker, const char *const *labels,
                                      docker_images_fn *done, void *owner);

/* Removes a name, and the image with its last name. `force` also when a stopped container uses it. */
struct docker_call *docker_image_remove(struct docker *docker, const char *name, bool force,
                                        docker_done_fn *done, void *owner);

/* One line of a build's or pull's progress, without newline. */
typedef void docker_progress_fn(void *owner, const char *line);

/* The end of a build. `id` may be "" when the engine did not tell it. */
typedef void docker_built_fn(void *owner, const struct error *err, const char *id);

#define DOCKER_BUILD_CONTEXT_MAX (64u << 20)
#define DOCKER_STEP_BYTES        200 /* of a step in the error of a build, with the NUL; longer ones are cut */

struct docker_build {
    const char *context; /* absolute path of the folder with the Dockerfile; sent whole */
    const char *dockerfile; /* or the text of one, which has no other files */
    const char *file; /* the Dockerfile's path in the context; NULL: Dockerfile */
    const char *tag; /* the image's name */
    const struct docker_pair *arguments; /* ARG values */
    size_t argument_count;
    const struct docker_pair *labels;
    size_t label_count;
};

/* Builds an image with the classic builder. A folder is packed while it is sent: nothing is held in memory
 * or on disk; files belong to root there, links stay links. It must not change meanwhile. The error of a
 * failing step carries the step. No time limit; docker_cancel() also stops the engine's work. `line` may be
 * NULL. */
struct docker_call *docker_image_build(struct docker *docker, const struct docker_build *build,
                                       docker_progress_fn *line, docker_built_fn *done, void *owner);

/* Pulls an image by its name, with tag ("latest" without) or digest. `login` is the header X-Registry-Auth,
 * of which this client's copy is wiped in the end; NULL: none. What the registry says against it is
 * "not-found" or "docker-error". No time limit; docker_cancel() also stops the engine's work. `line` may be
 * NULL. */
struct docker_call *docker_image_pull(struct docker *docker, const char *name, const char *login,
                                      docker_progress_fn *line, docker_done_fn *done, void *owner);

/* `address` is borrowed. */
typedef void docker_registry_fn(void *owner, const struct error *err, const char *address);

/* Tells which registry an image is of, as it is called where passwords for it are kept: the one that its name
 * begins with, else the address of the engine's own, which is "" when the engine does not tell it. */
struct docker_call *docker_image_registry(struct docker *docker, const char *name, docker_registry_fn *done,
                                          void *owner);

#endif
