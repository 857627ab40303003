#include "base/locked.h"

#include "base/alloc.h"

#include <sodium.h>

struct locked locked_make(size_t size)
{
    void *bytes = sodium_init() < 0 ? NULL : sodium_malloc(size);
    if (!bytes)
        alloc_failed();
    return (struct locked){bytes, size};
}

void locked_clear(struct locked *locked)
{
    sodium_free(locked->bytes);
    *locked = (struct locked){0};
}
