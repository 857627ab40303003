/* A Dockerfile and the engine's words on it: each step has a place in it, behind that of the step before. */
#include "prepare/image/dockerfile_place.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void look_for_steps(const char *text, size_t size)
{
    struct dockerfile_place place = {0}, again;
    unsigned before = 0, lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    for (unsigned step = 1; step <= 64 && dockerfile_place_of_step(text, size, step, &place); step++) {
        if (place.line <= before || place.line > lines || place.column == 0 ||
            !dockerfile_place_of_line(text, size, place.line, &again) || again.line != place.line)
            abort();
        before = place.line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1); /* without a NUL at its end, so that reading on is seen */
    char *message = malloc(size + 1);
    const char *reason = message;
    if (size > 0)
        memcpy(text, data, size);
    memcpy(message, text, size);
    message[size] = '\0';
    look_for_steps(text, size);
    if (dockerfile_place_named(message, &reason) > 0 && strlen(reason) >= strlen(message))
        abort();
    free(text);
    free(message);
    return 0;
}
