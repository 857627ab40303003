/*
 * How many calls each function has in which state, and how many bytes of files: in memory, and written to the
 * database within the transactions that change it, so that nobody ever has to count.
 */
#ifndef STORE_CALL_TALLY_H
#define STORE_CALL_TALLY_H

#include "store/call_store.h"
#include "store/sql.h"

struct call_tally;

struct call_tallies {
    struct call_tally *functions;
    int64_t by_state[CALL_STATE_COUNT]; /* of all functions */
    int64_t file_bytes;
};

/* One of zeros is empty. */
void call_tallies_clear(struct call_tallies *counts);

/* Puts what the database says in the place of what is there. */
int call_tallies_load(struct call_tallies *counts, struct sql *sql, struct error *err);
/* Writes what has changed. */
int call_tallies_save(struct call_tallies *counts, struct sql *sql, struct error *err);

/* Adds so many, which may be less than none. */
void call_tallies_add(struct call_tallies *counts, const char *function, enum call_state state,
                      int64_t added);
/* One call of a function from a state to another. */
void call_tallies_move(struct call_tallies *counts, const char *function, enum call_state from,
                       enum call_state to);
void call_tallies_add_bytes(struct call_tallies *counts, const char *function, int64_t bytes);

/* The functions that have calls waiting, ended by NULL: texts_free(). */
char **call_tallies_waiting(const struct call_tallies *counts);

#endif
