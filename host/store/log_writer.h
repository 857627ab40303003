/* Writes lines into the segments of their functions, and removes the oldest. One thread at a time. */
#ifndef STORE_LOG_WRITER_H
#define STORE_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct log_writer;

/* `dir`, which exists, is copied. */
struct log_writer *log_writer_create(const char *dir, uint64_t max_bytes);
void log_writer_destroy(struct log_writer *writer);

/* Takes a form of a line, to be written with the next call of log_writer_flush(), if not before. */
void log_writer_add(struct log_writer *writer, const char *function, const char *form, size_t size);

/* Writes what was taken. Returns how many lines could not be written. */
size_t log_writer_flush(struct log_writer *writer);

#endif
