#include "admin/split_place.h"

#include <string.h>

#define METHOD_MAX 32
#define FUNCTIONS  " /function/"

_Static_assert(METHOD_MAX + sizeof(FUNCTIONS) <= SPLIT_PLACE_BYTES, "so many bytes settle it");

enum split_place split_place_of(const char *bytes, size_t size)
{
    static const size_t functions = sizeof(FUNCTIONS) - 1;
    const char *space = memchr(bytes, ' ', size <= METHOD_MAX ? size : METHOD_MAX + 1);
    if (!space)
        return size > METHOD_MAX ? SPLIT_ADMIN : SPLIT_OPEN;
    size_t rest = size - (size_t)(space - bytes);
    if (memcmp(space, FUNCTIONS, rest < functions ? rest : functions) != 0)
        return SPLIT_ADMIN;
    return rest < functions ? SPLIT_OPEN : SPLIT_FUNCTION;
}
