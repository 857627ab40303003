#include "store/sql.h"

#include "base/alloc.h"
#include "base/table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_KIB        4096
#define CHECKPOINT_PAGES 4000
#define LOG_BYTES        33554432 /* the log is cut to this after a checkpoint */
#define WORD_TEXT_(x)    #x
#define WORD_TEXT(x)     WORD_TEXT_(x)

struct statement {
    const char *text;
    sqlite3_stmt *compiled;
    UT_hash_handle hh;
};

struct sql {
    sqlite3 *db;
    struct statement *statements;
    bool is_damaged;
};

/* --- errors --- */

/* SQLite itself knows of the disk's end only; a quota or a limit of the process may be reached before. */
static bool is_full(int rc, int errnum)
{
    return rc == SQLITE_FULL ||
           (rc == SQLITE_IOERR && (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG));
}

int sql_damage(struct sql *sql, const char *what, struct error *err)
{
    sql->is_damaged = true;
    error_set(err, ERROR_CALLS_DAMAGED, "the store of calls is damaged: %s", what);
    return error_hint(err, "restart the daemon: it saves what can be read");
}

int sql_fail(struct sql *sql, int rc, struct error *err)
{
    int errnum = errno;
    const char *text = sqlite3_errmsg(sql->db);
    rc &= 0xff;
    if (is_full(rc, errnum)) {
        error_set(err, ERROR_CALLS_DISK_FULL, "the disk is full: the store of calls cannot grow: %s", text);
        return error_hint(err, "make room on the disk of the state folder");
    }
    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
        return sql_damage(sql, text, err);
    return error_set(err, ERROR_CALLS_STORE, "the store of calls failed: %s", text);
}

sqlite3 *sql_handle(struct sql *sql)
{
    return sql->db;
}

bool sql_is_damaged(const struct sql *sql)
{
    return sql->is_damaged;
}

/* --- statements --- */

int sql_run(struct sql *sql, const char *text, struct error *err)
{
    int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_fail(sql, rc, err);
}

/* NULL: it cannot be compiled. */
static sqlite3_stmt *find_statement(struct sql *sql, const char *text, struct error *err)
{
    struct statement *found;
    HASH_FIND_PTR(sql->statements, &text, found);
    if (found)
        return found->compiled;
    sqlite3_stmt *compiled;
    int rc = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &compiled, NULL);
    if (rc != SQLITE_OK) {
        sql_fail(sql, rc, err);
        return NULL;
    }
    found = xcalloc(1, sizeof(*found));
    found->text = text;
    found->compiled = compiled;
    HASH_ADD_PTR(sql->statements, text, found);
    return compiled;
}

static int bind_value(sqlite3_stmt *statement, int place, const struct sql_value *value)
{
    if (value->kind == SQL_KIND_INTEGER)
        return sqlite3_bind_int64(statement, place, value->integer);
    if (value->kind == SQL_KIND_NULL || !value->bytes)
        return sqlite3_bind_null(statement, place);
    if (value->kind == SQL_KIND_TEXT)
        return sqlite3_bind_text(statement, place, value->bytes, -1, SQLITE_STATIC);
    return sqlite3_bind_blob64(statement, place, value->bytes, value->size, SQLITE_STATIC);
}

static int bind_values(sqlite3_stmt *statement, const struct sql_value *values)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && values[i].kind != SQL_KIND_END; i++)
        rc = bind_value(statement, i + 1, &values[i]);
    return rc;
}

void sql_end(sqlite3_stmt *row)
{
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}

int sql_next(struct sql *sql, sqlite3_stmt *row, struct error *err)
{
    errno = 0;
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        return 1;
    rc = rc == SQLITE_DONE ? 0 : sql_fail(sql, rc, err);
    sql_end(row);
    return rc;
}

int sql_first(struct sql *sql, const char *text, const struct sql_value *values, sqlite3_stmt **ret_row,
              struct error *err)
{
    sqlite3_stmt *statement = find_statement(sql, text, err);
    if (!statement)
        return -1;
    int rc = bind_values(statement, values);
    if (rc != SQLITE_OK) {
        sql_fail(sql, rc, err);
        sql_end(statement);
        return -1;
    }
    rc = sql_next(sql, statement, err);
    if (rc > 0)
        *ret_row = statement;
    return rc;
}

int sql_change(struct sql *sql, const char *text, const struct sql_value *values, int64_t *ret_count,
               struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(sql, text, values, &row, err);
    if (rc > 0)
        sql_end(row);
    if (rc >= 0 && ret_count)
        *ret_count = sqlite3_changes64(sql->db);
    return rc < 0 ? -1 : 0;
}

int64_t sql_changes(const struct sql *sql)
{
    return sqlite3_total_changes64(sql->db);
}

int sql_number(struct sql *sql, const char *text, const struct sql_value *values, int64_t *ret_number,
               struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(sql, text, values, &row, err);
    if (rc <= 0)
        return rc;
    if (sqlite3_column_type(row, 0) != SQLITE_NULL)
        *ret_number = sqlite3_column_int64(row, 0);
    sql_end(row);
    return 0;
}

char *sql_copy(sqlite3_stmt *row, int column, size_t *ret_size)
{
    const void *bytes = sqlite3_column_blob(row, column);
    size_t size = (size_t)sqlite3_column_bytes(row, column);
    if (ret_size)
        *ret_size = size;
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return NULL;
    if (size > 0 && !bytes) /* it is text that had to be made another, which took memory */
        alloc_failed();
    char *copy = xmalloc(size + 1);
    if (size > 0)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

/* --- transactions --- */

/* SQLite goes on with a file that nobody will find again. */
static int check_place(struct sql *sql, struct error *err)
{
    int is_gone = 0;
    sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_HAS_MOVED, &is_gone);
    if (!is_gone)
        return 0;
    error_set(err, ERROR_CALLS_STORE,
              "the store of calls is not in its place any more: it was moved or removed");
    return error_hint(err, "put the file back, or restart the daemon: it begins with an empty one");
}

int sql_begin(struct sql *sql, struct error *err)
{
    if (check_place(sql, err) < 0)
        return -1;
    return sql_change(sql, "BEGIN IMMEDIATE", SQL_VALUES(), NULL, err);
}

void sql_roll_back(struct sql *sql)
{
    if (!sqlite3_get_autocommit(sql->db))
        sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
}

int sql_commit(struct sql *sql, struct error *err)
{
    if (sql_change(sql, "COMMIT", SQL_VALUES(), NULL, err) == 0)
        return 0;
    sql_roll_back(sql);
    return -1;
}

int sql_fold(struct sql *sql, struct error *err)
{
    errno = 0;
    int rc = sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_fail(sql, rc, err);
}

/* A commit leaves the log unsynced, so that those that need not be durable are cheap. A log that cannot be
 * synced may have lost what it says it has. */
int sql_sync(struct sql *sql, struct error *err)
{
    sqlite3_file *log = NULL;
    int rc = sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (rc == SQLITE_OK && log && log->pMethods)
        rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? 0 : sql_fold(sql, err);
}

/* --- opening --- */

static int set_up(struct sql *sql, struct error *err)
{
    return sql_run(sql,
                   "PRAGMA auto_vacuum = INCREMENTAL;"
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = NORMAL;"
                   "PRAGMA cache_size = -" WORD_TEXT(
                       CACHE_KIB) ";"
                                  "PRAGMA wal_autocheckpoint = " WORD_TEXT(
                                      CHECKPOINT_PAGES) ";"
                                                        "PRAGMA journal_size_limit = " WORD_TEXT(
                                                            LOG_BYTES) ";"
                                                                       "PRAGMA secure_delete = FAST;"
                                                                       "PRAGMA temp_store = MEMORY;"
                                                                       "PRAGMA trusted_schema = OFF",
                   err);
}

static int set_up_reader(struct sql *sql, struct error *err)
{
    return sql_run(sql,
                   "PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
                   "PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000",
                   err);
}

static sqlite3_mem_methods usual_memory;

static void *take_memory(int size)
{
    return alloc_check_library(usual_memory.xMalloc(size), (size_t)size);
}

static void *take_more_memory(void *old, int size)
{
    return alloc_check_library(usual_memory.xRealloc(old, size), (size_t)size);
}

/* SQLite does without what it cannot have of large pieces. Has no effect where it is in use already. */
static void guard_memory(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual_memory) != SQLITE_OK)
        return;
    sqlite3_mem_methods methods = usual_memory;
    methods.xMalloc = take_memory;
    methods.xRealloc = take_more_memory;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

static int open_with(const char *path, int flags, int (*begin)(struct sql *sql, struct error *err),
                     struct sql **ret_sql, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard_memory);
    struct sql *sql = xcalloc(1, sizeof(*sql));
    int rc = sqlite3_open_v2(path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL);
    if (rc != SQLITE_OK)
        sql_fail(sql, rc, err);
    if (rc != SQLITE_OK || begin(sql, err) < 0) {
        error_prefix(err, "%s", path);
        sql_close(sql);
        return -1;
    }
    *ret_sql = sql;
    return 0;
}

int sql_open(const char *path, struct sql **ret_sql, struct error *err)
{
    if (open_with(path, SQLITE_OPEN_CREATE, set_up, ret_sql, err) < 0)
        return -1;
    chmod(path, 0600);
    return 0;
}

int sql_open_beside(const char *path, struct sql **ret_sql, struct error *err)
{
    return open_with(path, 0, set_up_reader, ret_sql, err);
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    struct statement *statement = sql->statements;
    HASH_CLEAR(hh, sql->statements);
    while (statement) {
        struct statement *next = statement->hh.next;
        sqlite3_finalize(statement->compiled);
        free(statement);
        statement = next;
    }
    sqlite3_close(sql->db);
    free(sql);
}
