/*
 * Which line of an installer's or image build's output says why it failed: the one that it names itself, else
 * the first that a compiler complains in, else the first that looks like an error. The last lines seldom do:
 * cleaning up and "make: *** Error 1" come after the cause.
 */
#ifndef PREPARE_PROCESS_CAUSE_LINE_H
#define PREPARE_PROCESS_CAUSE_LINE_H

#include <stdbool.h>

#define CAUSE_LINE_BYTES 300 /* of a line, with the NUL; longer ones are cut */

/* What an installer puts in front of the line, or the words, that say best why it failed. */
#define CAUSE_LINE_MARK "berth-cause: "

/* Zero-initialised: none yet. */
struct cause_line {
    enum { CAUSE_NONE, CAUSE_ERROR, CAUSE_COMPILER, CAUSE_NAMED } kind;
    char text[CAUSE_LINE_BYTES];
};

/* Looks at the next line, as shown_line() gives it. True: it only names the cause and is no output. */
bool cause_line_add(struct cause_line *cause, const char *line);

/* The line, or NULL when none looks like a cause. */
const char *cause_line_text(const struct cause_line *cause);

#endif
