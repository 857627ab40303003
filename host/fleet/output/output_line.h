/* A line of a container's output, and the request it belongs to where the runner says so
 * (docs/runner-protocol.md, "Output"). */
#ifndef FLEET_OUTPUT_OUTPUT_LINE_H
#define FLEET_OUTPUT_OUTPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define OUTPUT_LINE_MARK    '\x1e'
#define OUTPUT_LINE_ID_SIZE 129 /* a longer id is no mark, but text */

struct output_line {
    char request_id[OUTPUT_LINE_ID_SIZE]; /* "" when the line has none */
    const char *text; /* what follows the mark; borrowed */
    size_t length;
};

/* Takes the mark off the beginning of a line. `text` must outlive `ret_line`. */
void output_line_parse(const char *text, size_t length, struct output_line *ret_line);

/* Takes the mark off the end of a line that goes on with the next of its request; false when there is none.
 */
bool output_line_take_end(struct output_line *line);

#endif
