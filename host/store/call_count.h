/*
 * How many calls each function has in which state, and how many bytes of files: in memory, and written to the
 * database within the transactions that change it, so that nobody ever has to count.
 */
#ifndef STORE_CALL_COUNT_H
#define STORE_CALL_COUNT_H

#include "store/call_store.h"
#include "store/sql.h"

struct call_count;

struct call_counts {
    struct call_count *functions;
    int64_t by_state[CALL_STATE_COUNT]; /* of all functions */
    int64_t file_bytes;
};

/* One of zeros is empty. */
void call_counts_clear(struct call_counts *counts);

/* Puts what the database says in the place of what is there. */
int call_counts_load(struct call_counts *counts, struct sql *sql, struct error *err);
/* Writes what has changed. */
int call_counts_save(struct call_counts *counts, struct sql *sql, struct error *err);

/* Adds so many, which may be less than none. */
void call_counts_add(struct call_counts *counts, const char *function, enum call_state state, int64_t added);
/* One call of a function from a state to another. */
void call_counts_move(struct call_counts *counts, const char *function, enum call_state from,
                      enum call_state to);
void call_counts_add_bytes(struct call_counts *counts, const char *function, int64_t bytes);

/* The functions that have calls waiting, ended by NULL: texts_free(). */
char **call_counts_waiting(const struct call_counts *counts);

#endif
