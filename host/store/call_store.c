#include "store/call_store_inside.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "store/call_orphan.h"
#include "store/call_salvage.h"
#include "store/call_schema.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX (INT64_C(1) << 53) /* bytes */

/* --- rows --- */

void call_row_clear(struct call_row *row)
{
    free(row->function);
}

int call_state_read(const struct call_store *store, sqlite3_stmt *row, int column, enum call_state *ret_state,
                    struct error *err)
{
    int64_t state = sqlite3_column_int64(row, column);
    if (state < 0 || state >= CALL_STATE_COUNT)
        return sql_damage(store->sql, "a call is in no state that there is", err);
    *ret_state = (enum call_state)state;
    return 0;
}

/* The size of a body in a column, which is added and taken away. */
static int check_size(const struct call_store *store, sqlite3_stmt *row, int column, struct error *err)
{
    int64_t size = sqlite3_column_int64(row, column);
    return size < 0 || size > BODY_MAX ? sql_damage(store->sql, "a body has a size that cannot be", err) : 0;
}

int call_row_find(struct call_store *store, int64_t number, struct call_row *ret_row, struct error *err)
{
    sqlite3_stmt *row;
    enum call_state state = CALL_WAITING;
    int rc = sql_first(store->sql,
                       "SELECT function, state, body_place, body_size, result_place, result_size,"
                       " reason IS 'damaged'"
                       " FROM calls WHERE number = ?",
                       SQL_VALUES(SQL_INT(number)), &row, err);
    if (rc <= 0)
        return rc;
    if (call_state_read(store, row, 1, &state, err) < 0 || check_size(store, row, 3, err) < 0 ||
        check_size(store, row, 5, err) < 0) {
        sql_end(row);
        return -1;
    }
    *ret_row = (struct call_row){
        .number = number,
        .function = sql_copy(row, 0, NULL),
        .state = state,
        .body_place = (enum body_place)sqlite3_column_int(row, 2),
        .body_size = sqlite3_column_int64(row, 3),
        .result_place = (enum body_place)sqlite3_column_int(row, 4),
        .result_size = sqlite3_column_int64(row, 5),
        .is_lost = sqlite3_column_int(row, 6) != 0,
    };
    sql_end(row);
    return 1;
}

void call_row_drop_file(struct call_store *store, const struct call_row *row, enum body_kind kind)
{
    enum body_place place = kind == BODY_REQUEST ? row->body_place : row->result_place;
    if (place != BODY_FILE)
        return;
    call_bodies_remove(&store->bodies, row->number, kind);
    call_tallies_add_bytes(&store->counts, row->function,
                           -(kind == BODY_REQUEST ? row->body_size : row->result_size));
}

/* --- sums --- */

/* What is asked for often is asked of the database once a transaction. */
static int measure(struct call_store *store, struct error *err)
{
    int64_t pages = 0, unused = 0, page_bytes = 0, oldest_ms = 0;
    if (sql_number(store->sql, "PRAGMA page_count", SQL_VALUES(), &pages, err) < 0 ||
        sql_number(store->sql, "PRAGMA freelist_count", SQL_VALUES(), &unused, err) < 0 ||
        sql_number(store->sql, "PRAGMA page_size", SQL_VALUES(), &page_bytes, err) < 0 ||
        sql_number(store->sql, "SELECT accepted_ms FROM calls WHERE state = ? ORDER BY number LIMIT 1",
                   SQL_VALUES(SQL_INT(CALL_WAITING)), &oldest_ms, err) < 0)
        return -1;
    store->database_bytes = (uint64_t)((pages - unused) * page_bytes);
    store->oldest_waiting_ms = (uint64_t)oldest_ms;
    return 0;
}

void call_store_sums(struct call_store *store, struct call_sums *ret_sums)
{
    *ret_sums = (struct call_sums){.bytes = store->database_bytes + (uint64_t)store->counts.file_bytes,
                                   .oldest_waiting_ms = store->oldest_waiting_ms};
    for (int state = 0; state < CALL_STATE_COUNT; state++)
        ret_sums->by_state[state] = store->counts.by_state[state];
}

char **call_store_waiting_functions(const struct call_store *store)
{
    return call_tallies_waiting(&store->counts);
}

/* --- transactions --- */

static int count_again(struct call_store *store, struct error *err)
{
    int rc = call_tallies_load(&store->counts, store->sql, err);
    store->is_miscounted = rc < 0;
    return rc;
}

int call_store_begin(struct call_store *store, struct error *err)
{
    if (store->is_miscounted && count_again(store, err) < 0)
        return -1;
    store->due_left = CALLS_DUE_MAX;
    return sql_begin(store->sql, err);
}

void call_store_roll_back(struct call_store *store)
{
    struct error err;
    if (sql_is_damaged(store->sql))
        call_salvage_mark(store->dir);
    sql_roll_back(store->sql);
    call_bodies_roll_back(&store->bodies);
    count_again(store, &err);
}

/* Everything up to here, unless it has been before. */
static int sync_all(struct call_store *store, struct error *err)
{
    int64_t changes = sql_changes(store->sql);
    if (changes == store->synced_changes)
        return 0;
    if (sql_sync(store->sql, err) < 0)
        return -1;
    store->synced_changes = changes;
    return 0;
}

int call_store_commit(struct call_store *store, bool durable, struct error *err)
{
    bool has_files = call_bodies_changed(&store->bodies);
    if (call_tallies_save(&store->counts, store->sql, err) < 0 || measure(store, err) < 0 ||
        call_bodies_sync(&store->bodies, err) < 0 || sql_commit(store->sql, err) < 0) {
        call_store_roll_back(store);
        return -1;
    }
    int rc = durable || has_files ? sync_all(store, err) : 0;
    call_bodies_commit(&store->bodies, rc == 0);
    return rc;
}

/* --- opening --- */

/* Those that were running when the process ended. */
static int repeat_running(struct call_store *store, uint64_t now_ms, unsigned *ret_repeated,
                          struct error *err)
{
    sqlite3_stmt *row;
    int64_t count = 0;
    int rc = sql_first(store->sql, "SELECT function, count(*) FROM calls WHERE state = ? GROUP BY function",
                       SQL_VALUES(SQL_INT(CALL_RUNNING)), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        const char *function = (const char *)sqlite3_column_text(row, 0);
        call_tallies_add(&store->counts, function, CALL_RUNNING, -sqlite3_column_int64(row, 1));
        call_tallies_add(&store->counts, function, CALL_WAITING, sqlite3_column_int64(row, 1));
    }
    if (rc < 0 || sql_change(store->sql, "UPDATE calls SET state = 0, place = 0, due_ms = ? WHERE state = 1",
                             SQL_VALUES(SQL_INT(now_ms)), &count, err) < 0)
        return -1;
    *ret_repeated = (unsigned)count;
    return 0;
}

/* Something of each table and index, so that damage shows before anything depends on it; all of it would take
 * long. */
static int probe(struct call_store *store, struct error *err)
{
    int64_t number;
    return sql_number(
        store->sql,
        "SELECT max(calls.number) + (SELECT count(*) FROM call_requests WHERE number = calls.number)"
        " + (SELECT count(*) FROM call_results WHERE number = calls.number)"
        " + (SELECT count(*) FROM call_attempts WHERE number = calls.number)"
        " + (SELECT count(*) FROM call_keys WHERE function = '') FROM calls",
        SQL_VALUES(), &number, err);
}

/* Those that were being posted. */
static int repeat_callbacks(struct call_store *store, uint64_t now_ms, struct error *err)
{
    return sql_change(store->sql, "UPDATE call_callbacks SET state = 0, due_ms = ? WHERE state = 1",
                      SQL_VALUES(SQL_INT(now_ms)), NULL, err);
}

static int begin_use(struct call_store *store, uint64_t now_ms, unsigned *ret_repeated, struct error *err)
{
    if (call_schema_apply(store->sql, err) < 0 || call_tallies_load(&store->counts, store->sql, err) < 0 ||
        probe(store, err) < 0 || call_orphans_clear(store->sql, store->bodies.dir, NULL, err) < 0 ||
        call_store_begin(store, err) < 0)
        return -1;
    if (repeat_running(store, now_ms, ret_repeated, err) < 0 || repeat_callbacks(store, now_ms, err) < 0) {
        call_store_roll_back(store);
        return -1;
    }
    return call_store_commit(store, true, err);
}

/* As it is, which is all but always sound. */
static int open_database(struct call_store *store, uint64_t now_ms, unsigned *ret_repeated, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/calls.db", store->dir);
    store->synced_changes = -1;
    if (sql_open(path, &store->sql, err) == 0 && begin_use(store, now_ms, ret_repeated, err) == 0)
        return 0;
    sql_close(store->sql);
    store->sql = NULL;
    call_tallies_clear(&store->counts);
    return -1;
}

static int open_whole(struct call_store *store, uint64_t now_ms, unsigned *ret_repeated, struct error *err)
{
    bool is_due = call_salvage_is_due(store->dir);
    struct error found = {0};
    if (!is_due) {
        if (open_database(store, now_ms, ret_repeated, &found) == 0)
            return 0;
        is_due = found.code == ERROR_CALLS_DAMAGED;
        *err = found;
    }
    if (!is_due || call_salvage_run(store->dir, now_ms, err) < 0)
        return -1;
    return open_database(store, now_ms, ret_repeated, err);
}

int call_store_open(const char *dir, uint64_t now_ms, struct call_store **ret_store, unsigned *ret_repeated,
                    struct error *err)
{
    struct call_store *store = xcalloc(1, sizeof(*store));
    store->dir = xstrdup(dir);
    if (fs_make_dirs(dir, 0700, err) < 0 ||
        call_bodies_init(&store->bodies, xasprintf("%s/bodies", dir), err) < 0 ||
        call_salvage_finish(dir, err) < 0 || open_whole(store, now_ms, ret_repeated, err) < 0) {
        call_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void call_store_close(struct call_store *store)
{
    if (!store)
        return;
    if (store->sql)
        call_store_roll_back(store);
    sql_close(store->sql);
    call_tallies_clear(&store->counts);
    call_bodies_clear(&store->bodies);
    free(store->dir);
    free(store);
}

const char *call_store_dir(const struct call_store *store)
{
    return store->dir;
}

const char *call_store_body_dir(const struct call_store *store)
{
    return store->bodies.dir;
}
