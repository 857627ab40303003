/*
 * Looks at what an image is made from: the id of the base image, and the digest of the folder. Whoever asks
 * for a folder that nobody has begun to read yet shares the look, so that many functions of one language cost
 * what one costs. Control thread; folders are read in the background.
 */
#ifndef PREPARE_IMAGE_IMAGE_LOOK_H
#define PREPARE_IMAGE_IMAGE_LOOK_H

#include "base/background.h"
#include "base/error.h"
#include "docker/client.h"

#include <sys/queue.h>

struct image_look;
struct image_looks;

/* Who waits for a look; part of what is found by container_of() in `done`. */
struct image_looker {
    /* The end, from the event loop: with `err` it has failed, and the rest is NULL. */
    void (*done)(struct image_looker *looker, const struct error *err, const char *base_id,
                 const char *digest);
    struct image_look *look; /* NULL: it waits for none */
    TAILQ_ENTRY(image_looker) link;
};

/* All outlive it; `base_image` is copied. */
struct image_looks *image_looks_create(struct docker *docker, struct background *background,
                                       const char *base_image);

/* Nobody may wait any more. NULL is fine. */
void image_looks_destroy(struct image_looks *looks);

const char *image_looks_base(const struct image_looks *looks);

/* Waits for a look at `folder`, which begins after this call. `looker->done` is set. */
void image_look_join(struct image_looks *looks, struct image_looker *looker, const char *folder);

/* Waits no more, and is told nothing. Nothing when it does not wait. */
void image_look_leave(struct image_looker *looker);

#endif
