#include "store/call_rescue.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_body.h"
#include "store/call_orphan.h"
#include "store/call_schema.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 5000 /* of a transaction, so that no log grows as large as all of it */

struct rescue {
    sqlite3 *from; /* the damaged one; NULL: nothing can be read of it */
    struct sql *to;
};

/* A table that is copied. */
struct copy {
    struct rescue *rescue;
    sqlite3_stmt *row; /* the first column is the rowid, or 0 */
    sqlite3_stmt *insertion;
    int64_t last; /* rowid that was read last */
    int64_t count;
};

/* --- reading what is damaged --- */

/* Nothing is written to it, not even what its log has. */
static sqlite3 *open_damaged(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
        sqlite3_exec(db,
                     "PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
                     "PRAGMA trusted_schema = OFF",
                     NULL, NULL, NULL) == SQLITE_OK)
        return db;
    sqlite3_close(db);
    return NULL;
}

/* 0: there is none, or it cannot be read. */
static int64_t version_of(sqlite3 *db)
{
    sqlite3_stmt *row;
    int64_t version = 0;
    if (!db || sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &row, NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_step(row) == SQLITE_ROW)
        version = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return version;
}

static sqlite3_stmt *prepare(sqlite3 *db, char *text)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(db, text, -1, &statement, NULL);
    sqlite3_free(text);
    return statement;
}

/* --- copying --- */

static sqlite3_stmt *prepare_insertion(struct sql *to, const char *table, int columns)
{
    cleanup_free char *places = xmalloc((size_t)columns * 2 + 1);
    for (int i = 0; i < columns; i++)
        memcpy(places + (ptrdiff_t)i * 2, "?,", 2);
    places[columns * 2 - 1] = '\0';
    return prepare(sql_handle(to),
                   sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\" VALUES (%s)", table, places));
}

/* Whatever it has: what the new table refuses is left out. */
static int copy_row(struct copy *copy, struct error *err)
{
    struct sql *to = copy->rescue->to;
    int columns = sqlite3_column_count(copy->row);
    for (int i = 1; i < columns; i++)
        sqlite3_bind_value(copy->insertion, i, sqlite3_column_value(copy->row, i));
    int rc = sqlite3_step(copy->insertion);
    if (rc != SQLITE_DONE)
        sql_fail(to, rc, err);
    sqlite3_reset(copy->insertion);
    if (rc != SQLITE_DONE)
        return -1;
    if (++copy->count % ROWS_AT_ONCE != 0)
        return 0;
    return sql_commit(to, err) < 0 ? -1 : sql_begin(to, err);
}

/* Until there are no more rows: 0, or the damage: 1. */
static int copy_rows(struct copy *copy, struct error *err)
{
    int rc;
    while ((rc = sqlite3_step(copy->row)) == SQLITE_ROW) {
        copy->last = sqlite3_column_int64(copy->row, 0);
        if (copy_row(copy, err) < 0)
            return -1;
    }
    sqlite3_reset(copy->row);
    return rc == SQLITE_DONE ? 0 : 1;
}

/* Over damaged places in steps that grow until rows can be read again. */
static int copy_by_rowid(struct copy *copy, struct error *err)
{
    int64_t step = 0;
    int rc = 1;
    while (rc > 0 && copy->last < INT64_MAX / 4 && step < INT64_MAX / 4) {
        int64_t from = copy->last + step;
        copy->last = from;
        sqlite3_bind_int64(copy->row, 1, from);
        rc = copy_rows(copy, err);
        step = copy->last > from || step == 0 ? 1 : step * 2;
    }
    return rc < 0 ? -1 : 0;
}

static int copy_table(struct rescue *rescue, const char *table, struct error *err)
{
    struct copy copy = {.rescue = rescue};
    copy.row = prepare(
        rescue->from,
        sqlite3_mprintf("SELECT rowid, * FROM \"%w\" NOT INDEXED WHERE rowid > ? ORDER BY rowid", table));
    bool has_rowid = copy.row != NULL;
    if (!copy.row)
        copy.row = prepare(rescue->from, sqlite3_mprintf("SELECT 0, * FROM \"%w\" NOT INDEXED", table));
    if (!copy.row)
        return 0;
    copy.insertion = prepare_insertion(rescue->to, table, sqlite3_column_count(copy.row) - 1);
    int rc = !copy.insertion ? 0 : has_rowid ? copy_by_rowid(&copy, err) : copy_rows(&copy, err);
    sqlite3_finalize(copy.row);
    sqlite3_finalize(copy.insertion);
    return rc < 0 ? -1 : 0;
}

static int copy_tables(struct rescue *rescue, struct error *err)
{
    sqlite3_stmt *row;
    char **tables = NULL;
    size_t count = 0;
    int rc = sql_first(rescue->to,
                       "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                       " AND name <> 'call_counts'",
                       SQL_VALUES(), &row, err);
    for (; rc > 0; rc = sql_next(rescue->to, row, err)) {
        tables = xgrow(tables, count, sizeof(*tables));
        tables[count++] = sql_copy(row, 0, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            rc = copy_table(rescue, tables[i], err);
        free(tables[i]);
    }
    free(tables);
    return rc;
}

/* --- making it whole --- */

#define MAKE_DEAD                                                                                            \
    "UPDATE calls SET state = 3, place = NULL, expires_ms = NULL, body_place = 0, reason = 'damaged',"       \
    " message = 'what it was called with is lost: the store of calls was damaged'"

/* What waits and has lost its body. */
static int give_up_bodiless(struct sql *to, const char *bodies, struct error *err)
{
    const struct call_bodies files = {.dir = (char *)bodies};
    int64_t number = 0;
    char path[PATH_MAX];
    int rc = 0;
    while (rc == 0) {
        int64_t next = 0;
        rc = sql_number(to,
                        "SELECT number FROM calls WHERE number > ? AND body_place = 2 AND state IN (0, 1)"
                        " ORDER BY number LIMIT 1",
                        SQL_VALUES(SQL_INT(number)), &next, err);
        if (rc < 0 || next == 0)
            return rc;
        number = next;
        call_bodies_path(&files, number, BODY_REQUEST, path);
        if (!fs_exists(path))
            rc = sql_change(to, MAKE_DEAD " WHERE number = ?", SQL_VALUES(SQL_INT(number)), NULL, err);
    }
    return rc;
}

static int mend(struct sql *to, const char *bodies, struct error *err)
{
    if (sql_run(to,
                MAKE_DEAD " WHERE state NOT IN (2, 3, 4) AND (state NOT IN (0, 1)"
                          " OR number NOT IN (SELECT number FROM call_requests));"
                          "UPDATE calls SET place = 0 WHERE state = 0 AND place IS NULL;" MAKE_DEAD
                          " WHERE state IN (0, 1) AND body_place = 1 AND body_size IS NOT"
                          " (SELECT coalesce(length(CAST(body AS BLOB)), 0) FROM call_requests"
                          " WHERE call_requests.number = calls.number);"
                          "UPDATE calls SET result_size = (SELECT coalesce(length(CAST(body AS BLOB)), 0)"
                          " FROM call_results WHERE call_results.number = calls.number)"
                          " WHERE result_place = 1 AND number IN (SELECT number FROM call_results);"
                          "UPDATE calls SET body_size = max(0, min(CAST(body_size AS INTEGER), 1 << 53)),"
                          " result_size = max(0, min(CAST(result_size AS INTEGER), 1 << 53));"
                          "DELETE FROM call_callbacks WHERE state NOT IN (0, 1, 2, 3);"
                          "INSERT OR IGNORE INTO call_requests (number, method, target, head)"
                          " SELECT number, '', '', '' FROM calls;"
                          "DELETE FROM call_requests WHERE number NOT IN (SELECT number FROM calls);"
                          "DELETE FROM call_results WHERE number NOT IN (SELECT number FROM calls);"
                          "DELETE FROM call_attempts WHERE number NOT IN (SELECT number FROM calls);"
                          "DELETE FROM call_callbacks WHERE number NOT IN (SELECT number FROM calls);"
                          "DELETE FROM call_chains WHERE number NOT IN (SELECT number FROM calls);",
                err) < 0 ||
        give_up_bodiless(to, bodies, err) < 0)
        return -1;
    return sql_run(to,
                   "INSERT INTO call_counts SELECT function, sum(state = 0), sum(state = 1), sum(state = 2),"
                   " sum(state = 3), sum(state = 4), sum(iif(body_place = 2, body_size, 0)"
                   " + iif(result_place = 2, result_size, 0)) FROM calls GROUP BY function",
                   err);
}

/* New calls come behind all that there may have been. */
static int skip_numbers(struct sql *to, int64_t last_file, int64_t last_request, struct error *err)
{
    int64_t last = last_file > last_request ? last_file : last_request;
    if (sql_number(to, "SELECT max(number, ?) FROM (SELECT coalesce(max(number), 0) AS number FROM calls)",
                   SQL_VALUES(SQL_INT(last)), &last, err) < 0 ||
        sql_run(to, "DELETE FROM sqlite_sequence WHERE name = 'calls'", err) < 0)
        return -1;
    return sql_change(to, "INSERT INTO sqlite_sequence (name, seq) VALUES ('calls', ?)",
                      SQL_VALUES(SQL_INT(last)), NULL, err);
}

static int count(struct sql *to, struct call_rescued *ret_rescued, struct error *err)
{
    return sql_number(to, "SELECT count(*) FROM calls", SQL_VALUES(), &ret_rescued->calls, err) < 0
               ? -1
               : sql_number(to, "SELECT count(*) FROM calls WHERE reason = 'damaged'", SQL_VALUES(),
                            &ret_rescued->dead, err);
}

/* In transactions, the last of which is open at the end. */
static int fill(struct rescue *rescue, const char *bodies, struct call_rescued *ret_rescued,
                struct error *err)
{
    struct sql *to = rescue->to;
    int64_t version = version_of(rescue->from), last_request = 0;
    if (version > 0 && call_schema_apply_some(to, version, err) < 0)
        return -1;
    if (sql_begin(to, err) < 0 || (version > 0 && copy_tables(rescue, err) < 0) || sql_commit(to, err) < 0 ||
        call_schema_apply(to, err) < 0 || sql_begin(to, err) < 0 ||
        sql_number(to, "SELECT max(number) FROM call_requests", SQL_VALUES(), &last_request, err) < 0)
        return -1;
    return mend(to, bodies, err) < 0 || skip_numbers(to, call_orphans_last(bodies), last_request, err) < 0
               ? -1
               : count(to, ret_rescued, err);
}

int call_rescue(const char *damaged, const char *path, const char *bodies, const char *aside,
                struct call_rescued *ret_rescued, struct error *err)
{
    struct rescue rescue = {0};
    struct call_rescued rescued = {0};
    if (sql_open(path, &rescue.to, err) < 0)
        return -1;
    rescue.from = fs_exists(damaged) ? open_damaged(damaged) : NULL;
    int rc = fill(&rescue, bodies, &rescued, err);
    sqlite3_close(rescue.from);
    if (rc == 0 && (sql_commit(rescue.to, err) < 0 || sql_fold(rescue.to, err) < 0 ||
                    call_orphans_clear(rescue.to, bodies, aside, err) < 0))
        rc = -1;
    sql_close(rescue.to);
    if (rc == 0)
        *ret_rescued = rescued;
    return rc;
}
