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

/* All outlive it. */
struct image_looks *image_looks_create(struct docker *docker, struct background *background);

/* Nobody may wait any more. NULL is fine. */
void image_looks_destroy(struct image_looks *looks);

/* The base image of a release, IMAGE_BASE_PREFIX and its name, is made by scripts/base-image. */
#define IMAGE_BASE_PREFIX "berth-base:"

/* Waits for a look at `folder` and the base image of the release `suite`, which begins after this call.
 * `looker->done` is set. */
void image_look_join(struct image_looks *looks, struct image_looker *looker, const char *suite,
                     const char *folder);

/* Waits no more, and is told nothing. Nothing when it does not wait. */
void image_look_leave(struct image_looker *looker);

#endif
