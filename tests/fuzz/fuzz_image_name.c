/* The name of an image: what is good has no blank and no control character in it. */
#include "image_name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = malloc(size + 1);
    if (size > 0)
        memcpy(name, data, size);
    name[size] = '\0';
    if (!image_name_problem(name)) {
        for (const char *c = name; *c; c++) {
            if (*c <= ' ' || *c > '~')
                abort();
        }
    }
    free(name);
    return 0;
}
