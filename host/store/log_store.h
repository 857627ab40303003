/*
 * What functions write, kept on disk: lines are handed over in memory, and a thread of its own writes them,
 * so that whoever has them waits for nothing. When it does not keep up, lines are dropped and counted.
 */
#ifndef STORE_LOG_STORE_H
#define STORE_LOG_STORE_H

#include "base/error.h"
#include "store/log_line.h"

#define LOG_STORE_QUEUE_BYTES (4u << 20) /* of lines that are handed over and not written yet */

struct log_store;

/* Keeps lines in the folder `dir`, which is made when it is not there; all together take about `max_bytes`.
 */
int log_store_open(const char *dir, uint64_t max_bytes, struct log_store **ret_store, struct error *err);

/* Writes what was handed over, and ends. NULL is fine. */
void log_store_close(struct log_store *store);

/* Hands a line over. `function` can be a folder's name. Any thread. Of NULL nothing is kept. */
void log_store_add(struct log_store *store, const char *function, const struct log_line *line);

/* Lines that were dropped since it is open. Any thread. */
uint64_t log_store_dropped(struct log_store *store);

const char *log_store_dir(const struct log_store *store);

#endif
