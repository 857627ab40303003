#include "fleet/engine/container_spec.h"

#include "base/alloc.h"

#include <stdlib.h>

void container_spec_copy(const struct container_spec *from, struct container_spec *ret_spec)
{
    *ret_spec = *from;
    ret_spec->runtime = xstrdup(from->runtime);
    ret_spec->image = xstrdup(from->image);
    ret_spec->code_dir = from->code_dir ? xstrdup(from->code_dir) : NULL;
    ret_spec->command = (const char *const *)texts_copy(from->command);
    ret_spec->environment = (const char *const *)texts_copy(from->environment);
}

void container_spec_clear(struct container_spec *spec)
{
    free((char *)spec->runtime);
    free((char *)spec->image);
    free((char *)spec->code_dir);
    texts_free((char **)spec->command);
    texts_free((char **)spec->environment);
    *spec = (struct container_spec){0};
}

char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance)
{
    return function ? xasprintf("berth-%s-%s", function, instance)
                    : xasprintf("berth.%s.%s", spec->runtime, instance);
}
