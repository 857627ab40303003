/* What the functions keep on the disk: packages that no revision uses and that are not kept are removed,
 * installed dependencies that none uses, longest unused first, until they fit into their budget, and runtime
 * images that newer ones have superseded. Control thread. */
#ifndef FLEET_STORAGE_H
#define FLEET_STORAGE_H

#include "fleet/function.h"

#include <stddef.h>

struct image_prune;

/* Does nothing while a revision is being prepared: what it has made is not known to be in use yet. *prune is
 * the last pruning of images, at work or through; NULL: none. The caller ends it at last. */
void storage_collect(const struct fleet_env *env, struct image_prune **prune,
                     struct function *const *functions, size_t count);

#endif
