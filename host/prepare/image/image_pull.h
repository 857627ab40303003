/*
 * Pulls of images that functions name and that are not on this machine, with the credentials that Docker's
 * own command line has for their registry. The engine shares what several pulls need. Control thread; files
 * and credential helpers are read in the background.
 */
#ifndef PREPARE_IMAGE_IMAGE_PULL_H
#define PREPARE_IMAGE_IMAGE_PULL_H

#include "base/background.h"
#include "base/error.h"
#include "docker/docker.h"

#include <stdint.h>

struct image_pull;

struct image_pull_callbacks {
    /* A line of what the engine says, at most one a second; `elapsed_ms` since the pull began. Must not
     * cancel it. */
    void (*line)(void *context, const char *line, uint64_t elapsed_ms);
    /* The end, from the event loop; the pull is gone. */
    void (*done)(void *context, const struct error *err);
};

/* Pulls the image `name`; both outlive the pull, `callbacks` is static. Never NULL. Errors:
 *   image-missing  the registry has no such image, or says so to who may not have it
 *   image-login    the registry asks for other credentials, or those that there are cannot be read
 *   image-pull     anything else that the engine says, such as that the registry does not answer
 * or those of the Docker client of the engine itself. Start and success are logged. */
struct image_pull *image_pull_start(struct docker *docker, struct background *background, const char *name,
                                    const struct image_pull_callbacks *callbacks, void *context);

/* What the engine has said last, "" before the first; borrowed. */
const char *image_pull_last_line(const struct image_pull *pull);

/* Ends it silently, and the engine's work on it. NULL is fine. */
void image_pull_cancel(struct image_pull *pull);

#endif
