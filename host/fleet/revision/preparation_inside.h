/* Inside of a preparation: what its files share. For preparation*.c only. They use each other in this order:
 * preparation.c (the function's files, its package), preparation_dependencies.c, preparation_image.c,
 * preparation_end.c; preparation_restore.c stands beside the first. */
#ifndef FLEET_REVISION_PREPARATION_INSIDE_H
#define FLEET_REVISION_PREPARATION_INSIDE_H

#include "base/log.h"
#include "fleet/output/output_limit.h"
#include "fleet/revision/preparation.h"

#include <event2/event.h>
#include <stdbool.h>

/* An image that is there. */
struct image_facts;
typedef void preparation_image_fn(struct preparation *preparation, const struct image_facts *image);

/* An image that a function names is on this machine. */
typedef void preparation_pulled_fn(struct preparation *preparation);

/* At dependencies, by a store that cannot be told to stop. */
struct dependency_look {
    struct preparation *preparation; /* NULL: cancelled */
};

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
    bool restores; /* a kept revision */
    struct build_job *job;
    struct runtime_image_request *image_request;
    preparation_image_fn *image_made; /* who is given what it comes to */
    struct image_pull *pull; /* of the image that the function names */
    preparation_pulled_fn *pulled; /* who goes on after it; not NULL: it has been begun */
    bool adds_packages; /* the image that is asked for is one with system packages */
    struct docker_call *command; /* asks what the image runs, or whether it is there */
    struct dependency_look *look; /* at the dependencies of a kept revision */
    struct dependency_install *install;
    struct output_limit output; /* of the installer or image build, in the log */
    struct build_result *result;
    uint64_t phase_began_ms; /* of the build job, or of asking for the image */
    struct event *later; /* reports a failure that is known at once from the event loop */
    struct error failure;
    char *image_id;
    char *runtime_image_id; /* of prepared.runtime_image */
    char **image_command; /* what the image runs, when the plugin leaves that to it */
    struct prepared prepared;
};

/* --- preparation_dependencies.c: what the function needs, and another look at it with that --- */

/* Goes on to the end. */
void preparation_ensure_dependencies(struct preparation *preparation);

/* --- preparation_image.c: the images that are built or pulled for the function --- */

/* Gives `made` the image of the plugin's image folder, or the builder image of its builder folder, that
 * stands on the image that is known already; with the function's system packages in it. Without one the
 * preparation is over. */
void preparation_make_image(struct preparation *preparation, preparation_image_fn *made);
void preparation_make_builder(struct preparation *preparation, preparation_image_fn *made);

/* The same with the image that is built from the package, which is in the store, by the Dockerfile at `file`
 * in it. */
void preparation_build_own(struct preparation *preparation, const char *file, preparation_image_fn *made);

/* Pulls the image that the function names, once, and goes on with `pulled`. Without it the preparation is
 * over. */
void preparation_pull(struct preparation *preparation, preparation_pulled_fn *pulled);

/* --- preparation_end.c: the end, and what is told on the way --- */

/* Reports and frees it. `output`: what the step that failed has written, or NULL. */
void preparation_finish(struct preparation *preparation, const struct error *err, const char *output);

/* Notes which dependencies it has. */
void preparation_take_dependencies(struct preparation *preparation, const char *key);

/* All is there: keeps what has been found, so that the same need not be found again, and finishes. */
void preparation_complete(struct preparation *preparation);

/* Makes one that does nothing yet. */
struct preparation *preparation_create(struct fleet_env *env, const struct function_settings *settings,
                                       preparation_done_fn *done, void *owner);

/* What a build job has written. */
void preparation_tell_output(const struct preparation *preparation, const struct build_result *result);

/* Logs a line of a step that may write without end, and how many had to be left out. */
void preparation_log_output(struct preparation *preparation, const char *event, struct log_field whose,
                            const char *line, uint64_t elapsed_ms);
void preparation_tell_dropped(struct preparation *preparation, const char *event);

#endif
