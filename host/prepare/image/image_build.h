/*
 * Builds of images by name: whoever wants one that is not there waits for its build, which those who want the
 * same share. Control thread only.
 */
#ifndef PREPARE_IMAGE_IMAGE_BUILD_H
#define PREPARE_IMAGE_IMAGE_BUILD_H

#include "base/error.h"
#include "docker/docker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define IMAGE_NAME_MAX 96 /* with the NUL */

enum image_kind { IMAGE_RUNTIME, IMAGE_BUILDER, IMAGE_SYSTEM, IMAGE_FUNCTION };

/* What an image is, and what it is built from. */
struct image_recipe {
    enum image_kind kind;
    const char *image; /* its name, shorter than IMAGE_NAME_MAX, which says all that goes into it */
    const char *runtime; /* whose it is; of a function's image the function */
    const char *base; /* the release that it stands on, or that it is given as BERTH_BASE */
    const char *folder; /* absolute, with a Dockerfile; or NULL: */
    const char *dockerfile; /* the text of one */
    const char *file; /* the path of the folder's Dockerfile in it; NULL: Dockerfile */
    const struct docker_pair *arguments; /* ARG values, besides the machine's proxies */
    size_t argument_count;
};

/* An image that is there. Borrowed. */
struct image_facts {
    const char *name, *id; /* "sha256:..." */
    const char *interpreter; /* that it runs functions with, as "Python 3.11.2"; "": it does not tell */
};

/* A build that has failed. Borrowed. */
struct image_failure {
    const char *output; /* what it wrote (kept_output.h), or NULL */
    unsigned step; /* the one that failed, as the engine counts them, from 1; 0: it came to none */
    const char *reason; /* the line of its command's output that says why, or the engine's own words; NULL:
                           it was not for what it is built from */
    const char *exit_code; /* of its command; NULL: it was no command that failed */
};

/* What the builder of a runtime image writes in front of its interpreter's name and version. */
#define IMAGE_INTERPRETER_MARK "berth-interpreter: "
#define IMAGE_INTERPRETER_MAX  64 /* with the NUL */

/* What a waiter waits for. */
struct image_progress {
    bool building; /* it is; else it is being looked for */
    uint64_t since_ms; /* clock_ms() of when the build began */
    const char *last_line; /* of its output, "" before the first; borrowed */
};

struct image_build;
struct image_builds;

/* Who waits for an image; part of what is found by container_of() in its callbacks. */
struct image_waiter {
    /* One line of the build's output; `elapsed_ms` since the build began. Of those who share a build only the
     * longest waiting one is told. May be NULL; must not make others leave. */
    void (*line)(struct image_waiter *waiter, const char *line, uint64_t elapsed_ms);
    /* The end, from the event loop: `err` NULL, and the image; else that is NULL, and `failure` tells of the
     * build, or NULL: it was not built. Borrowed. */
    void (*done)(struct image_waiter *waiter, const struct error *err, const struct image_facts *image,
                 const struct image_failure *failure);
    struct image_build *build; /* NULL: it waits for none */
    TAILQ_ENTRY(image_waiter) link;
};

/* `docker` outlives it. Never NULL. */
struct image_builds *image_builds_create(struct docker *docker);

/* Nobody may wait any more. NULL is fine. */
void image_builds_destroy(struct image_builds *builds);

/* Waits for the image, which is built when it is not there; everything is copied. Errors: component "build",
 *   image-build       a step failed; the message has the step and its cause (cause_line.h), or its last lines
 *   system-packages   the same, of a system image
 * or those of the Docker client. Start, success with its time, and failure are logged. */
void image_build_join(struct image_builds *builds, const struct image_recipe *recipe,
                      struct image_waiter *waiter);

/* Waits no more, and is told nothing; the build stops when nobody waits for it. Nothing when it does not
 * wait. */
void image_build_leave(struct image_waiter *waiter);

/* Also of one that does not wait for a build yet. */
void image_build_progress(const struct image_waiter *waiter, struct image_progress *ret_progress);

#endif
