/* One loaded registry, shared by the revisions that were made from it: their settings live as long as they
 * do. Control thread. */
#ifndef FLEET_REVISION_GENERATION_H
#define FLEET_REVISION_GENERATION_H

#include "config/registry.h"

#include <stdbool.h>

struct generation {
    struct registry *registry;
    bool is_partial; /* the registry's file was of no use: only what was deployed over the API is in it */
    unsigned refs;
};

/* Takes the registry over; one reference, the caller's. */
struct generation *generation_create(struct registry *registry);
struct generation *generation_ref(struct generation *generation);
void generation_unref(struct generation *generation); /* NULL is fine */

#endif
