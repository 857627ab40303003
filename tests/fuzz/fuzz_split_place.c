/* More bytes never change what is known already, and enough of them settle it. */
#include "admin/split_place.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum split_place place = SPLIT_OPEN;
    for (size_t known = 0; known <= size; known++) {
        enum split_place now = split_place_of((const char *)data, known);
        if (place != SPLIT_OPEN && now != place)
            abort();
        place = now;
    }
    if (size > 64 && place == SPLIT_OPEN)
        abort();
    return 0;
}
