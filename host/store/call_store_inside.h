/* What the files of the store of calls know of it. */
#ifndef STORE_CALL_STORE_INSIDE_H
#define STORE_CALL_STORE_INSIDE_H

#include "store/call_body.h"
#include "store/call_store.h"
#include "store/call_tally.h"
#include "store/sql.h"

/* Calls that one transaction puts among those that are due. After hours of downtime there may be a
 * million. */
#define CALLS_DUE_MAX 1000u

struct call_store {
    struct sql *sql;
    char *dir;
    struct call_bodies bodies;
    struct call_tallies counts;
    bool is_miscounted; /* they could not be read again after a transaction that was rolled back */
    uint64_t database_bytes;
    uint64_t oldest_waiting_ms;
    unsigned due_left; /* calls that this transaction may still put among those that are due */
    int64_t synced_changes; /* of sql_changes(), all of which are on disk; -1: it is not known of any */
};

/* What an operation has to know of a call before it changes it. */
struct call_row {
    int64_t number;
    enum call_state state;
    bool is_lost; /* what it was called with, to a damage */
    enum body_place body_place, result_place;
    int64_t body_size, result_size;
    char *function; /* freed by call_row_clear() */
};

#define cleanup_call_row __attribute__((cleanup(call_row_clear)))

void call_row_clear(struct call_row *row);

/* The state in a column. -1: it is none. */
int call_state_read(const struct call_store *store, sqlite3_stmt *row, int column, enum call_state *ret_state,
                    struct error *err);

/* 1, 0: there is none of that number, -1. */
int call_row_find(struct call_store *store, int64_t number, struct call_row *ret_row, struct error *err);

/* The file of its body, or of its result, goes with the commit, if it has one. */
void call_row_drop_file(struct call_store *store, const struct call_row *row, enum body_kind kind);

#endif
