/*
 * Removes runtime images, and builder images, that newer ones have superseded. Of each runtime the newest
 * stay, whoever made them, for there may be several daemons and several versions of a plugin on a machine;
 * beyond them an image goes unless the caller uses it or any container was made from it (the engine refuses
 * then). What is removed although somebody would have used it again is built anew when it is wanted. Control
 * thread only.
 */
#ifndef PREPARE_IMAGE_IMAGE_PRUNE_H
#define PREPARE_IMAGE_IMAGE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker;
struct image_prune;

/* An image to decide about. */
struct prunable_image {
    const char *name; /* with tag */
    const char *runtime; /* of which it is */
    bool builder; /* else a runtime image; the two are counted apart */
    int64_t created_s; /* Unix time */
};

/* Chooses those to remove: sorts `images` so that they come first, and returns how many. `used` are names
 * that the caller needs, `newest` is how many of each runtime stay. */
size_t image_prune_choose(struct prunable_image *images, size_t count, const char *const *used,
                          size_t used_count, unsigned newest);

/* Looks for superseded images and removes them one after the other, with a log line each. `used` is copied;
 * failures are for the next time. It stays after its work until image_prune_end(). */
struct image_prune *image_prune_start(struct docker *docker, const char *const *used, size_t used_count,
                                      unsigned newest);

/* Stops it where it is. NULL is fine. */
void image_prune_end(struct image_prune *prune);

#endif
