/* A function's output: any bytes, cut and flushed at any place, come out once and in order. The first byte
 * chooses the size of the pieces, the second how many of them come between two flushes. */
#include "fleet/output/output_line.h"
#include "fleet/output/output_splitter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const char *at; /* what has to come next */
    bool inside;
};

static void check_piece(void *owner, const struct output_piece *piece)
{
    struct check *check = owner;
    struct output_line line;
    if (piece->length > OUTPUT_LINE_MAX || piece->begins == check->inside ||
        memcmp(piece->text, check->at, piece->length) != 0)
        abort();
    check->at += piece->length + piece->ends;
    check->inside = !piece->ends;
    output_line_parse(piece->text, piece->length, &line);
    output_line_take_end(&line);
    if (line.length > piece->length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = (size_t)data[0] + 1, between = (size_t)data[1] + 1;
    struct check check = {.at = (const char *)data + 2};
    struct output_splitter splitter;
    output_splitter_init(&splitter, check_piece, &check);
    for (size_t at = 2, i = 1; at < size; at += step, i++) {
        output_splitter_feed(&splitter, (const char *)data + at, size - at < step ? size - at : step);
        if (i % between == 0)
            output_splitter_flush(&splitter);
    }
    output_splitter_flush(&splitter);
    if (check.at != (const char *)data + size)
        abort();
    output_splitter_clear(&splitter);
    return 0;
}
