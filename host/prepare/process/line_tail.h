/* The last few lines of an output: what an error message quotes. */
#ifndef PREPARE_PROCESS_LINE_TAIL_H
#define PREPARE_PROCESS_LINE_TAIL_H

#include <stddef.h>

#define LINE_TAIL_LINES 4
#define LINE_TAIL_BYTES 152 /* of one line, with the NUL; longer ones are cut */

/* Zero-initialised is empty. */
struct line_tail {
    char lines[LINE_TAIL_LINES][LINE_TAIL_BYTES];
    size_t count; /* of lines seen; the newest is at (count - 1) % LINE_TAIL_LINES */
};

/* Blank lines are left out. */
void line_tail_add(struct line_tail *tail, const char *line);

/* The lines, oldest first, with " / " between them, into `ret_text`; "no output" when there are none. Returns
 * `ret_text`. */
#define LINE_TAIL_TEXT (LINE_TAIL_LINES * (LINE_TAIL_BYTES + 3))
const char *line_tail_text(const struct line_tail *tail, char ret_text[LINE_TAIL_TEXT]);

#endif
