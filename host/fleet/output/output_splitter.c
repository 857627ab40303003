#include "fleet/output/output_splitter.h"

#include "base/strbuf.h"

#include <string.h>

void output_splitter_init(struct output_splitter *splitter, output_piece_fn *piece, void *owner)
{
    *splitter = (struct output_splitter){.piece = piece, .owner = owner};
    strbuf_init(&splitter->rest, OUTPUT_LINE_MAX);
}

void output_splitter_clear(struct output_splitter *splitter)
{
    strbuf_clear(&splitter->rest);
}

static void report(struct output_splitter *splitter, const char *text, size_t length, bool ends)
{
    const struct output_piece piece = {
        .text = text, .length = length, .begins = !splitter->inside, .ends = ends};
    splitter->inside = !ends;
    splitter->piece(splitter->owner, &piece);
}

static void report_rest(struct output_splitter *splitter, bool ends)
{
    report(splitter, strbuf_text(&splitter->rest), splitter->rest.length, ends);
    strbuf_clear(&splitter->rest);
}

/* Adds bytes to the unfinished line. A full one is reported when more of it comes. */
static void keep(struct output_splitter *splitter, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t room = OUTPUT_LINE_MAX - splitter->rest.length;
        size_t part = size < room ? size : room;
        strbuf_append(&splitter->rest, bytes, part);
        bytes += part;
        size -= part;
        if (size > 0)
            report_rest(splitter, false);
    }
}

size_t output_splitter_feed(struct output_splitter *splitter, const char *bytes, size_t size)
{
    size_t lines = 0;
    const char *newline;
    while (size > 0 && (newline = memchr(bytes, '\n', size))) {
        size_t length = (size_t)(newline - bytes);
        if (splitter->rest.length == 0 && length <= OUTPUT_LINE_MAX) {
            report(splitter, bytes, length, true);
        } else {
            keep(splitter, bytes, length);
            report_rest(splitter, true);
        }
        lines++;
        bytes += length + 1;
        size -= length + 1;
    }
    keep(splitter, bytes, size);
    return lines;
}

void output_splitter_flush(struct output_splitter *splitter)
{
    if (splitter->rest.length > 0)
        report_rest(splitter, false);
}

bool output_splitter_holds(const struct output_splitter *splitter)
{
    return splitter->rest.length > 0;
}
