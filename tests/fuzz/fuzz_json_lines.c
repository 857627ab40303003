/* The engine's streams of JSON: any bytes, cut at any place, give objects or an error. The first byte chooses
 * the size of the pieces. */
#include "docker/json_lines.h"

#include <stdint.h>
#include <stdlib.h>

static int check_object(void *owner, const json_t *object, struct error *err)
{
    (void)owner, (void)err;
    if (!json_is_object(object))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    struct json_lines lines;
    struct error err;
    int result = 0;
    json_lines_init(&lines, check_object, NULL);
    for (size_t at = 1; at < size && result == 0; at += piece) {
        size_t left = size - at;
        result = json_lines_feed(&lines, (const char *)data + at, left < piece ? left : piece, &err);
    }
    if (result == 0)
        json_lines_end(&lines, &err);
    json_lines_clear(&lines);
    return 0;
}
