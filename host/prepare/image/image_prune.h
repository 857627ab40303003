/*
 * Removes runtime images, and builder images, that newer ones have superseded, and system images that nothing
 * uses. Of each runtime the newest stay, and of all system images together, whoever made them, for there may
 * be several daemons and several versions of a plugin on a machine; beyond them an image goes unless the
 * caller uses it or any container was made from it (the engine refuses then). What is removed although
 * somebody would have used it again is built anew when it is wanted. Control thread only.
 */
#ifndef PREPARE_IMAGE_IMAGE_PRUNE_H
#define PREPARE_IMAGE_IMAGE_PRUNE_H

#include "prepare/image/image_build.h"

#include <stddef.h>
#include <stdint.h>

struct docker;
struct image_prune;

/* An image to decide about. */
struct prunable_image {
    const char *name; /* with tag */
    const char *runtime; /* of which it is */
    enum image_kind kind; /* each is counted apart */
    int64_t created_s; /* Unix time */
};

/* How many stay besides those that are used. */
struct image_budget {
    unsigned of_runtime; /* of each runtime, and as many of its builder images */
    unsigned system; /* of all system images */
};

/* Chooses those to remove: sorts `images` so that they come first, and returns how many. `used` are names
 * that the caller needs. A runtime image that is used is among the newest that stay or not; system images
 * that are used are not counted. */
size_t image_prune_choose(struct prunable_image *images, size_t count, const char *const *used,
                          size_t used_count, const struct image_budget *budget);

/* Looks for superseded images and removes them one after the other, with a log line each. `used` is copied;
 * failures are for the next time. It stays after its work until image_prune_end(). */
struct image_prune *image_prune_start(struct docker *docker, const char *const *used, size_t used_count,
                                      const struct image_budget *budget);

/* Stops it where it is. NULL is fine. */
void image_prune_end(struct image_prune *prune);

#endif
