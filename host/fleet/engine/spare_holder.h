/*
 * Makes the container that holds a spare network (docker_spares.h): of an image with nothing in it, with the
 * world's first process, which only waits, and on the network of instances. Control thread.
 */
#ifndef FLEET_ENGINE_SPARE_HOLDER_H
#define FLEET_ENGINE_SPARE_HOLDER_H

#include "base/error.h"

struct docker_engine;
struct spare_holder;

/* It runs, and this host reaches its network at `address`. On failure there may be a `container` all the
 * same, or NULL, that the caller is to remove. All is borrowed. */
typedef void spare_holder_fn(void *owner, const struct error *err, const char *container,
                             const char *address);

/* Reports once, from the event loop, unless it is cancelled. */
struct spare_holder *spare_holder_make(const struct docker_engine *engine, const char *id,
                                       spare_holder_fn *done, void *owner);

/* What was made stays with the engine. NULL is fine. */
void spare_holder_cancel(struct spare_holder *holder);

/* berth.network.<id>. The caller frees it. */
char *spare_holder_name(const char *id);

#endif
