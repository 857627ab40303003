#include "fleet/engine/container_spec.h"

#include "base/alloc.h"

#include <stdlib.h>

static const char *const *list_copy(const char *const *list)
{
    if (!list)
        return NULL;
    size_t length = 0;
    while (list[length])
        length++;
    const char **copy = xcalloc(length + 1, sizeof(*copy));
    for (size_t i = 0; i < length; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

static void list_free(const char *const *list)
{
    for (const char *const *entry = list; entry && *entry; entry++)
        free((char *)*entry);
    free((void *)list);
}

void container_spec_copy(const struct container_spec *from, struct container_spec *ret_spec)
{
    *ret_spec = *from;
    ret_spec->runtime = xstrdup(from->runtime);
    ret_spec->image = xstrdup(from->image);
    ret_spec->code_dir = from->code_dir ? xstrdup(from->code_dir) : NULL;
    ret_spec->command = list_copy(from->command);
    ret_spec->environment = list_copy(from->environment);
}

void container_spec_clear(struct container_spec *spec)
{
    free((char *)spec->runtime);
    free((char *)spec->image);
    free((char *)spec->code_dir);
    list_free(spec->command);
    list_free(spec->environment);
    *spec = (struct container_spec){0};
}

char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance)
{
    return function ? xasprintf("berth-%s-%s", function, instance)
                    : xasprintf("berth.%s.%s", spec->runtime, instance);
}
