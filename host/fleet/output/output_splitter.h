/*
 * A stream of output put together to lines, however it is cut. A line longer than OUTPUT_LINE_MAX comes in
 * pieces, and so does one whose beginning is flushed before its end is there. Bytes in, pieces out.
 */
#ifndef FLEET_OUTPUT_OUTPUT_SPLITTER_H
#define FLEET_OUTPUT_OUTPUT_SPLITTER_H

#include "base/log.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

#define OUTPUT_LINE_MAX LOG_TEXT_MAX

/* A line or a part of one. */
struct output_piece {
    const char *text; /* without its newline; any bytes; borrowed */
    size_t length; /* at most OUTPUT_LINE_MAX */
    bool begins; /* with the line's first byte */
    bool ends; /* with the line's last; else the next piece goes on with it */
};

typedef void output_piece_fn(void *owner, const struct output_piece *piece);

struct output_splitter {
    output_piece_fn *piece;
    void *owner;
    struct strbuf rest; /* what has come of a line and was not reported */
    bool inside; /* a line has been reported in part */
};

void output_splitter_init(struct output_splitter *splitter, output_piece_fn *piece, void *owner);
void output_splitter_clear(struct output_splitter *splitter);

/* Takes the next bytes and reports what they complete. Returns how many lines have ended. */
size_t output_splitter_feed(struct output_splitter *splitter, const char *bytes, size_t size);

/* Reports what has come of an unfinished line. */
void output_splitter_flush(struct output_splitter *splitter);

/* Whether bytes wait for the end of their line. */
bool output_splitter_holds(const struct output_splitter *splitter);

#endif
