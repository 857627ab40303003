/*
 * A database of SQLite: statements that are kept, transactions, errors. One thread uses one of them.
 *
 * A statement is written out where it is used, as a literal: it is compiled once, and known by its address.
 * Its values are bound in order:
 *
 *     sql_change(sql, "DELETE FROM t WHERE a = ? AND b = ?", SQL_VALUES(SQL_INT(1), SQL_STR("x")), err)
 *
 * Everything that fails sets "calls-disk-full" (of the disk, or of what a process may write), "calls-damaged"
 * (the file is not what it should be) or "calls-store" (anything else).
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sql;

enum sql_kind { SQL_KIND_END = 0, SQL_KIND_NULL, SQL_KIND_INTEGER, SQL_KIND_TEXT, SQL_KIND_BYTES };

struct sql_value {
    enum sql_kind kind;
    union {
        int64_t integer;
        const void *bytes;
    };
    size_t size; /* of `bytes`, with SQL_KIND_BYTES */
};

#define SQL_NULL   ((struct sql_value){.kind = SQL_KIND_NULL})
#define SQL_INT(v) ((struct sql_value){.kind = SQL_KIND_INTEGER, .integer = (int64_t)(v)})
/* A time, of which 0 is none. */
#define SQL_TIME(v) ((v) > 0 ? SQL_INT(v) : SQL_NULL)
/* A text, borrowed until the statement has ended; NULL is NULL, as with SQL_BYTES. */
#define SQL_STR(v)      ((struct sql_value){.kind = SQL_KIND_TEXT, .bytes = (v)})
#define SQL_BYTES(v, n) ((struct sql_value){.kind = SQL_KIND_BYTES, .bytes = (v), .size = (n)})

#define SQL_VALUES(...) ((const struct sql_value[]){__VA_ARGS__ __VA_OPT__(, ){.kind = SQL_KIND_END}})

/* Opens the file at `path`, or makes it (0600), to write to it. */
int sql_open(const char *path, struct sql **ret_sql, struct error *err);
/* Opens one that is there, to read what another connection has committed while it goes on writing. */
int sql_open_beside(const char *path, struct sql **ret_sql, struct error *err);
/* NULL is fine. Rolls an open transaction back. */
void sql_close(struct sql *sql);

/* The connection, for what there is no way for here. */
sqlite3 *sql_handle(struct sql *sql);

/* Says what a call of SQLite with this connection has met, which returned `rc`. Always returns -1. */
int sql_fail(struct sql *sql, int rc, struct error *err);

/* Says that what was read cannot stand in a sound file. Always returns -1. */
int sql_damage(struct sql *sql, const char *what, struct error *err);

/* Whether anything was met since it was opened that a sound file does not have. */
bool sql_is_damaged(const struct sql *sql);

/* --- transactions --- */

/* Fails with a file that was removed or moved, too: what would be written to it would be lost. */
int sql_begin(struct sql *sql, struct error *err);
/* From now on it is seen; a cut of the power may take it back. After -1 it has been rolled back. */
int sql_commit(struct sql *sql, struct error *err);
/* Has everything that was committed on the disk when it returns 0. */
int sql_sync(struct sql *sql, struct error *err);
/* The same, in the file itself: without its log it is as good. */
int sql_fold(struct sql *sql, struct error *err);
void sql_roll_back(struct sql *sql);

/* --- statements --- */

/* Several statements without values, or one that is needed once. */
int sql_run(struct sql *sql, const char *text, struct error *err);

/* Changes something; *ret_count, which may be NULL: how many rows. */
int sql_change(struct sql *sql, const char *text, const struct sql_value *values, int64_t *ret_count,
               struct error *err);

/* How many rows have been changed since it was opened, by what was rolled back as well. */
int64_t sql_changes(const struct sql *sql);

/* The first row: 1 and *ret_row, whose columns are borrowed until sql_end(). 0: there is none, -1; both have
 * ended. */
int sql_first(struct sql *sql, const char *text, const struct sql_value *values, sqlite3_stmt **ret_row,
              struct error *err);
/* The next one: 1; 0 and -1 as above. */
int sql_next(struct sql *sql, sqlite3_stmt *row, struct error *err);
void sql_end(sqlite3_stmt *row);

/* The whole number in the first column of the first row. *ret_number stays as it is when there is none, or it
 * is NULL. */
int sql_number(struct sql *sql, const char *text, const struct sql_value *values, int64_t *ret_number,
               struct error *err);

/* A copy of a column's text or bytes, with a NUL behind it, which the caller frees; NULL of NULL. ret_size
 * may be NULL. */
char *sql_copy(sqlite3_stmt *row, int column, size_t *ret_size);

#endif
