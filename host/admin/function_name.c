#include "admin/function_name.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <string.h>

char *function_name_read(const char *given, const char *space)
{
    const char *dot = strrchr(given, '.');
    bool is_ours = (!dot || strcmp(dot + 1, FUNCTION_NAMESPACE) == 0) &&
                   (!space || !*space || strcmp(space, FUNCTION_NAMESPACE) == 0);
    return is_ours ? xstrndup(given, dot ? (size_t)(dot - given) : strlen(given)) : NULL;
}
