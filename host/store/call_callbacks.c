#include "store/call_callbacks.h"

#include "store/call_store_inside.h"

#include <stdlib.h>

void callback_record_clear(struct callback_record *record)
{
    free(record->receiver);
    free(record->reason);
    free(record->message);
    *record = (struct callback_record){0};
}

/* The call's own time to be forgotten is put aside. */
int call_callbacks_put(struct call_store *store, const struct callback_new *callback, struct error *err)
{
    if (sql_change(store->sql,
                   "REPLACE INTO call_callbacks (number, receiver, state, due_ms, is_signed, keeps_result,"
                   " expires_ms) SELECT number, ?, 0, ?, ?, ?, expires_ms FROM calls WHERE number = ?",
                   SQL_VALUES(SQL_STR(callback->receiver), SQL_INT(callback->due_ms),
                              SQL_INT(callback->is_signed), SQL_INT(callback->keeps_result),
                              SQL_INT(callback->number)),
                   NULL, err) < 0)
        return -1;
    return sql_change(store->sql, "UPDATE calls SET expires_ms = NULL WHERE number = ?",
                      SQL_VALUES(SQL_INT(callback->number)), NULL, err);
}

#define COLUMNS                                                                                              \
    " call_callbacks.number, call_callbacks.state, call_callbacks.attempts, receiver, is_signed,"            \
    " call_callbacks.due_ms, call_callbacks.ended_ms, call_callbacks.status, call_callbacks.reason,"         \
    " call_callbacks.message FROM call_callbacks "

/* Of calls that have ended: those that were driven once more have another end to come. */
#define DUE                                                                                                  \
    " JOIN calls ON calls.number = call_callbacks.number"                                                    \
    " WHERE call_callbacks.state = 0 AND calls.state IN (2, 3)"                                              \
    " AND receiver NOT IN (SELECT value FROM json_each(?)) "

static int take_record(struct call_store *store, int rc, sqlite3_stmt *row,
                       struct callback_record *ret_record, struct error *err)
{
    if (rc <= 0)
        return rc;
    int64_t state = sqlite3_column_int64(row, 1);
    if (state < CALLBACK_STATE_WAITING || state > CALLBACK_STATE_GIVEN_UP) {
        sql_end(row);
        return sql_damage(store->sql, "a callback is in no state that there is", err);
    }
    *ret_record = (struct callback_record){
        .number = sqlite3_column_int64(row, 0),
        .state = (enum callback_state)state,
        .attempts = (unsigned)sqlite3_column_int64(row, 2),
        .receiver = sql_copy(row, 3, NULL),
        .is_signed = sqlite3_column_int(row, 4) != 0,
        .due_ms = (uint64_t)sqlite3_column_int64(row, 5),
        .ended_ms = (uint64_t)sqlite3_column_int64(row, 6),
        .status = sqlite3_column_int(row, 7),
        .reason = sql_copy(row, 8, NULL),
        .message = sql_copy(row, 9, NULL),
    };
    sql_end(row);
    return 1;
}

int call_callbacks_next(struct call_store *store, uint64_t now_ms, uint64_t longest_ms, const char *busy,
                        struct callback_record *ret_record, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT" COLUMNS DUE "AND call_callbacks.due_ms <= ?"
                       " ORDER BY call_callbacks.due_ms LIMIT 1",
                       SQL_VALUES(SQL_STR(busy), SQL_INT(now_ms)), &row, err);
    if (rc == 0)
        rc = sql_first(store->sql,
                       "SELECT" COLUMNS DUE "AND call_callbacks.due_ms > ?"
                       " ORDER BY call_callbacks.due_ms LIMIT 1",
                       SQL_VALUES(SQL_STR(busy), SQL_INT(now_ms + longest_ms)), &row, err);
    return take_record(store, rc, row, ret_record, err);
}

int call_callbacks_next_due(struct call_store *store, const char *busy, uint64_t *ret_due_ms,
                            struct error *err)
{
    int64_t due_ms = -1;
    if (sql_number(store->sql,
                   "SELECT call_callbacks.due_ms FROM call_callbacks" DUE
                   "ORDER BY call_callbacks.due_ms LIMIT 1",
                   SQL_VALUES(SQL_STR(busy)), &due_ms, err) < 0)
        return -1;
    *ret_due_ms = due_ms < 0 ? UINT64_MAX : (uint64_t)due_ms;
    return 0;
}

int call_callbacks_begin_try(struct call_store *store, int64_t number, struct error *err)
{
    return sql_change(store->sql,
                      "UPDATE call_callbacks SET state = 1, attempts = attempts + 1"
                      " WHERE number = ? AND state = 0",
                      SQL_VALUES(SQL_INT(number)), NULL, err);
}

int call_callbacks_put_back(struct call_store *store, int64_t number, struct error *err)
{
    return sql_change(store->sql,
                      "UPDATE call_callbacks SET state = 0, attempts = attempts - 1"
                      " WHERE number = ? AND state = 1",
                      SQL_VALUES(SQL_INT(number)), NULL, err);
}

/* The callback of a later end of the same call is another one, and waits. */
static int end_try(struct call_store *store, int64_t number, enum callback_state state,
                   const struct callback_try *end, uint64_t due_ms, int64_t *ret_count, struct error *err)
{
    return sql_change(store->sql,
                      "UPDATE call_callbacks SET state = ?, due_ms = ?, ended_ms = ?, status = ?, reason = ?,"
                      " message = ? WHERE number = ? AND state = 1",
                      SQL_VALUES(SQL_INT(state), SQL_INT(due_ms), SQL_INT(end->ended_ms),
                                 SQL_INT(end->status), SQL_STR(end->reason), SQL_STR(end->message),
                                 SQL_INT(number)),
                      ret_count, err);
}

int call_callbacks_retry(struct call_store *store, int64_t number, const struct callback_try *end,
                         uint64_t due_ms, struct error *err)
{
    return end_try(store, number, CALLBACK_STATE_WAITING, end, due_ms, NULL, err);
}

/* 1: the result was kept for the callback only. */
static int is_only_for_callback(struct call_store *store, int64_t number, struct error *err)
{
    int64_t keeps = 1;
    int rc = sql_number(store->sql, "SELECT keeps_result FROM call_callbacks WHERE number = ?",
                        SQL_VALUES(SQL_INT(number)), &keeps, err);
    return rc < 0 ? -1 : !keeps;
}

static int drop_result(struct call_store *store, int64_t number, struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0)
        return rc;
    call_row_drop_file(store, &row, BODY_RESULT);
    if (sql_change(store->sql, "DELETE FROM call_results WHERE number = ?", SQL_VALUES(SQL_INT(number)), NULL,
                   err) < 0)
        return -1;
    return sql_change(store->sql,
                      "UPDATE calls SET result_size = 0, result_place = 0, result_cut = 0 WHERE number = ?",
                      SQL_VALUES(SQL_INT(number)), NULL, err);
}

int call_callbacks_end(struct call_store *store, int64_t number, enum callback_state state,
                       const struct callback_try *end, struct error *err)
{
    int64_t count = 0;
    if (end_try(store, number, state, end, end->ended_ms, &count, err) < 0)
        return -1;
    if (count == 0)
        return 0;
    if (sql_change(store->sql,
                   "UPDATE calls SET expires_ms ="
                   " (SELECT max(expires_ms, ?2) FROM call_callbacks WHERE number = ?1) WHERE number = ?1",
                   SQL_VALUES(SQL_INT(number), SQL_INT(end->ended_ms)), NULL, err) < 0)
        return -1;
    int rc = is_only_for_callback(store, number, err);
    return rc > 0 ? drop_result(store, number, err) : rc;
}

int call_callbacks_find(struct call_store *store, int64_t number, struct callback_record *ret_record,
                        struct error *err)
{
    sqlite3_stmt *row;
    int rc =
        sql_first(store->sql, "SELECT" COLUMNS "WHERE number = ?", SQL_VALUES(SQL_INT(number)), &row, err);
    return take_record(store, rc, row, ret_record, err);
}
