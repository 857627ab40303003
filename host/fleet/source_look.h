/*
 * A look at the files of all functions that a source wants, and at their plugins, without reading any: what
 * the file system says of them, as one digest for each function together with those settings that make a
 * difference to what is deployed. A function with an equal digest is as it was. Control thread; the looking
 * is done in the background.
 */
#ifndef FLEET_SOURCE_LOOK_H
#define FLEET_SOURCE_LOOK_H

#include "base/background.h"
#include "base/folder_list.h"
#include "base/hash.h"
#include "fleet/revision/generation.h"

#include <event2/event.h>

struct plugins;
struct source_look;

/* What a function is made from, as digests; "" when nobody can tell: it counts as changed. */
struct source_inputs {
    char all[HASH_HEX_SIZE]; /* its files, its settings and its plugin */
    char own[HASH_HEX_SIZE]; /* the same without its plugin: what its owner changes */
};

/* `inputs` has those of each function of the registry, in its order. Borrowed. */
typedef void source_look_done_fn(void *owner, struct generation *generation,
                                 const struct source_inputs *inputs);

/* Holds a reference to `generation`. With `only` no more is looked at than the functions in
 * these folders, and the digests of the others are empty; NULL: all are. `done` comes from the event loop,
 * once, unless it is cancelled. A file that was changed within the grain of the file system's clock is looked
 * at again once that is past: another change to it could not be told from the first. Never NULL. */
struct source_look *source_look_start(struct event_base *base, struct background *background,
                                      const struct plugins *plugins, struct generation *generation,
                                      const struct folder_list *only, source_look_done_fn *done, void *owner);

/* Ends it silently. NULL is fine. */
void source_look_cancel(struct source_look *look);

#endif
