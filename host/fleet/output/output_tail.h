/* The last lines a container wrote: what an error quotes as the cause. */
#ifndef FLEET_OUTPUT_OUTPUT_TAIL_H
#define FLEET_OUTPUT_OUTPUT_TAIL_H

#include <stddef.h>

#define OUTPUT_TAIL_LINES 40
#define OUTPUT_TAIL_WIDTH 400 /* bytes kept of a line */

struct output_tail {
    char *lines[OUTPUT_TAIL_LINES]; /* a ring */
    size_t count; /* lines ever added */
};

void output_tail_add(struct output_tail *tail, const char *text, size_t length);
void output_tail_clear(struct output_tail *tail);

/* The lines, oldest first, each ended by a newline; NULL when there are none. The caller frees it. */
char *output_tail_join(const struct output_tail *tail);

/* The newest line that is not blank, or NULL. Owned by the tail. */
const char *output_tail_last(const struct output_tail *tail);

#endif
