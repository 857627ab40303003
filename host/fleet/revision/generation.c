#include "fleet/revision/generation.h"

#include "base/alloc.h"

#include <stdlib.h>

struct generation *generation_create(struct registry *registry)
{
    struct generation *generation = xcalloc(1, sizeof(*generation));
    generation->registry = registry;
    generation->refs = 1;
    return generation;
}

struct generation *generation_ref(struct generation *generation)
{
    generation->refs++;
    return generation;
}

void generation_unref(struct generation *generation)
{
    if (!generation || --generation->refs > 0)
        return;
    registry_destroy(generation->registry);
    free(generation);
}
