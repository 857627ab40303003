/*
 * What `berth` says to people: problems to standard error, tables to standard output, in colour when that is
 * a terminal and NO_COLOR is not set.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What is wrong, in a sentence without its full stop. */
void say_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What to do about it: the next command to type, say. */
void say_next(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text of any origin: control characters in it become "?". */
void say_text(FILE *stream, const char *text);

/* A line "  label     text" on standard output; none where there is no text. */
void say_fact(const char *label, const char *text);

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* The sequences that begin a colour and end all; "" where there are no colours on `stream`. */
const char *colour_begin(FILE *stream, enum colour colour);
const char *colour_end(FILE *stream);

/* Characters in a line of the terminal that a descriptor is; 100 when it is none. */
unsigned screen_width(int fd);

/* Its lines; a great many when it is none. */
unsigned screen_height(int fd);

/* Whether more than ASCII can be shown, by the locale. */
bool screen_is_utf8(void);

/* Characters, not bytes, of UTF-8; and the bytes of the first characters of a text, as many as fit. */
size_t text_width(const char *text);
int text_bytes(const char *text, size_t width);

#endif
