/* A place in the lines of one function, from where they are read on. One thread at a time. */
#ifndef STORE_LOG_CURSOR_H
#define STORE_LOG_CURSOR_H

#include "store/log_line.h"

struct log_cursor;

/* At the first segment that has been written to since then. `dir` and `function` are copied. */
struct log_cursor *log_cursor_open(const char *dir, const char *function, uint64_t since_ns);
void log_cursor_close(struct log_cursor *cursor);

const char *log_cursor_function(const struct log_cursor *cursor);

/* The line at it, there until the cursor moves; NULL: there is none yet, and the files are not looked at
 * before log_cursor_look_again(). What is damaged is passed over. */
const struct log_line *log_cursor_line(struct log_cursor *cursor);

void log_cursor_look_again(struct log_cursor *cursor);

/* Moves it behind the line at it. */
void log_cursor_move(struct log_cursor *cursor);

#endif
