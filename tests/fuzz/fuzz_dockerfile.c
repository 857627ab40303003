/* A Dockerfile: what is said of it has a place in it. */
#include "dockerfile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dockerfile file;
    char *text = malloc(size > 0 ? size : 1); /* without a NUL at its end, so that reading on is seen */
    if (size > 0)
        memcpy(text, data, size);
    dockerfile_read(text, size, &file);
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    if (file.line > lines || (file.line > 0 && file.column == 0) || file.port_line > lines ||
        file.port_count > DOCKERFILE_PORTS_MAX || (!file.problem[0] && !file.has_from))
        abort();
    free(text);
    return 0;
}
