/* The engine's log stream: any bytes, cut at any place, give bounded lines or an error. The first byte
 * chooses the size of the pieces. */
#include "docker/log_frames.h"

#include <stdlib.h>

static void check_line(void *owner, const struct docker_line *line)
{
    (void)owner;
    if (line->length > DOCKER_LINE_MAX || line->text[line->length] != '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    struct log_frames frames;
    struct error err;
    int result = 0;
    log_frames_init(&frames, check_line, NULL);
    for (size_t at = 1; at < size && result == 0; at += piece) {
        size_t left = size - at;
        result = log_frames_feed(&frames, (const char *)data + at, left < piece ? left : piece, &err);
    }
    if (result == 0)
        log_frames_end(&frames, &err);
    log_frames_clear(&frames);
    return 0;
}
