/*
 * A line of what a function's instances write, or of what becomes of them, and its form in a file: bytes with
 * their size and a checksum, so that a line that was not written to its end is recognised.
 */
#ifndef STORE_LOG_LINE_H
#define STORE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_TRACEBACK, LOG_EVENT, LOG_STREAMS };

#define LOG_LINE_NAME_MAX 255u /* bytes of each name */
#define LOG_LINE_TEXT_MAX (64u << 10)
#define LOG_LINE_MAX      (LOG_LINE_TEXT_MAX + 1024u) /* bytes of a form */

enum log_name { LOG_NAME_INSTANCE, LOG_NAME_REVISION, LOG_NAME_REQUEST, LOG_NAMES };

struct log_text {
    const char *bytes; /* any; not ended by a NUL */
    size_t size;
};

struct log_line {
    uint64_t time_ns; /* since 1970 */
    enum log_stream stream;
    bool goes_on; /* with the next line of this stream */
    struct log_text names[LOG_NAMES]; /* of size 0: not known */
    struct log_text text;
};

/* "stdout", "stderr", "traceback", "event" */
const char *log_stream_name(enum log_stream stream);

/* Whether a name of the line is this one. */
bool log_line_has(const struct log_line *line, enum log_name name, const char *value);

/* Writes the form, its texts cut to what it takes of them. Returns its size, at most LOG_LINE_MAX. */
size_t log_line_write(const struct log_line *line, char *ret_form);

/* Reads the form that the bytes begin with. Its size, and the texts are in the bytes; 0: there are more bytes
 * to it than these; -1: it is none. */
long log_line_read(const char *bytes, size_t size, struct log_line *ret_line);

#endif
