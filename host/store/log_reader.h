/*
 * Lines that are kept, read in the order of time, of one function or of all. It reads files, and waits for
 * the disk: not for the control thread. Its end is that of what is there when it gets there. One thread at a
 * time.
 */
#ifndef STORE_LOG_READER_H
#define STORE_LOG_READER_H

#include "store/log_line.h"

#include <stdbool.h>

struct log_reader;

/* Of one function, or of all with NULL; from lines of about `since_ns` on: older ones are passed over as far
 * as whole segments are. */
struct log_reader *log_reader_open(const char *dir, const char *function, uint64_t since_ns);

/* NULL is fine. */
void log_reader_close(struct log_reader *reader);

/* The next line and its function, both there until the next call. False: there is none yet. */
bool log_reader_next(struct log_reader *reader, struct log_line *ret_line, const char **ret_function);

/* Has what was written meanwhile found, also by functions that had written nothing before. */
void log_reader_look_again(struct log_reader *reader);

#endif
