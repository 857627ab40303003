#include "admin/split_place.h"

#include <string.h>

#define METHOD_MAX 32
#define LONGEST    " /async-function/"

_Static_assert(METHOD_MAX + sizeof(LONGEST) <= SPLIT_PLACE_BYTES, "so many bytes settle it");

static const char *const beginnings[] = {" /function/", LONGEST, " /async/"};

enum split_place split_place_of(const char *bytes, size_t size)
{
    const char *space = memchr(bytes, ' ', size <= METHOD_MAX ? size : METHOD_MAX + 1);
    if (!space)
        return size > METHOD_MAX ? SPLIT_ADMIN : SPLIT_OPEN;
    size_t rest = size - (size_t)(space - bytes);
    enum split_place place = SPLIT_ADMIN;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        size_t length = strlen(beginnings[i]);
        if (memcmp(space, beginnings[i], rest < length ? rest : length) == 0)
            place = rest < length ? SPLIT_OPEN : SPLIT_FUNCTION;
    }
    return place;
}
