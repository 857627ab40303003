#include "admin/function_name.h"

#include "base/alloc.h"

#include <string.h>

bool function_namespace_is_known(const char *space)
{
    return !space || !*space || strcmp(space, FUNCTION_NAMESPACE) == 0;
}

char *function_name_read(const char *given, const char *space)
{
    const char *dot = strrchr(given, '.');
    bool has_namespace = dot && strcmp(dot + 1, FUNCTION_NAMESPACE) == 0;
    if (!function_namespace_is_known(space))
        return NULL;
    return xstrndup(given, has_namespace ? (size_t)(dot - given) : strlen(given));
}
