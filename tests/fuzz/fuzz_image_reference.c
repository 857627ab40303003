/* Any text as the name of an image: its parts lie in it, one within the other. */
#include "docker/image_reference.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = xstrndup((const char *)data, size);
    const struct image_reference reference = image_reference_read(name);
    size_t length = strlen(name), version = strlen(reference.version);
    if (reference.registry_length > reference.name_length || reference.name_length > length || version == 0 ||
        (strcmp(reference.version, "latest") != 0 && reference.name_length + 1 + version > length))
        abort();
    free(name);
    return 0;
}
