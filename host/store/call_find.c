#include "store/call_find.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void call_record_clear(struct call_record *record)
{
    char *const texts[] = {
        record->function,   record->method,      record->target,       record->head,
        record->body,       record->body_file,   record->callback_url, record->client,
        record->request_id, record->schedule,    record->origin,       record->reason,
        record->message,    record->result_head, record->result,       record->result_file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]);
    *record = (struct call_record){0};
}

static char *path_of(const struct call_store *store, int64_t number, enum body_kind kind)
{
    char path[PATH_MAX];
    call_bodies_path(&store->bodies, number, kind, path);
    return xstrdup(path);
}

int call_record_read(const struct call_store *store, sqlite3_stmt *row, struct call_record *ret_record,
                     struct error *err)
{
    int64_t number = sqlite3_column_int64(row, 0);
    enum call_state state;
    if (call_state_read(store, row, 3, &state, err) < 0)
        return -1;
    bool has_body = sqlite3_column_int(row, 16) == BODY_FILE;
    bool has_result = sqlite3_column_int(row, 18) == BODY_FILE;
    *ret_record = (struct call_record){
        .number = number,
        .function = sql_copy(row, 2, NULL),
        .state = state,
        .due_ms = (uint64_t)sqlite3_column_int64(row, 4),
        .accepted_ms = (uint64_t)sqlite3_column_int64(row, 5),
        .since_ms = (uint64_t)sqlite3_column_int64(row, 6),
        .ended_ms = (uint64_t)sqlite3_column_int64(row, 7),
        .expires_ms = (uint64_t)sqlite3_column_int64(row, 8),
        .attempts = (unsigned)sqlite3_column_int64(row, 9),
        .attempt_ms = (uint64_t)sqlite3_column_int64(row, 10),
        .run_ms = (uint64_t)sqlite3_column_int64(row, 11),
        .status = sqlite3_column_int(row, 12),
        .reason = sql_copy(row, 13, NULL),
        .message = sql_copy(row, 14, NULL),
        .body_size = (uint64_t)sqlite3_column_int64(row, 15),
        .body_file = has_body ? path_of(store, number, BODY_REQUEST) : NULL,
        .result_size = (uint64_t)sqlite3_column_int64(row, 17),
        .result_file = has_result ? path_of(store, number, BODY_RESULT) : NULL,
        .result_cut = sqlite3_column_int(row, 19) != 0,
        .method = sql_copy(row, 20, NULL),
        .target = sql_copy(row, 21, NULL),
        .callback_url = sql_copy(row, 22, NULL),
        .client = sql_copy(row, 23, NULL),
        .request_id = sql_copy(row, 24, NULL),
        .schedule = sql_copy(row, 25, NULL),
        .scheduled_ms = (uint64_t)sqlite3_column_int64(row, 26),
        .origin = sql_copy(row, 27, NULL),
        .head = sql_copy(row, 28, NULL),
    };
    snprintf(ret_record->id, sizeof(ret_record->id), "%s", (const char *)sqlite3_column_text(row, 1));
    return 0;
}

/* Takes the one row of a statement that has found something. */
static int take_record(struct call_store *store, int rc, sqlite3_stmt *row, struct call_record *ret_record,
                       struct error *err)
{
    if (rc <= 0)
        return rc;
    rc = call_record_read(store, row, ret_record, err);
    sql_end(row);
    return rc < 0 ? -1 : 1;
}

int call_store_find(struct call_store *store, const char *id, int64_t number, struct call_record *ret_record,
                    struct error *err)
{
    sqlite3_stmt *row;
    int rc =
        id ? sql_first(store->sql, "SELECT" CALL_COLUMNS "WHERE id = ?", SQL_VALUES(SQL_STR(id)), &row, err)
           : sql_first(store->sql, "SELECT" CALL_COLUMNS "WHERE calls.number = ?",
                       SQL_VALUES(SQL_INT(number)), &row, err);
    return take_record(store, rc, row, ret_record, err);
}

/* What is in the database of a body has the size that the call says. */
static int check_size(struct call_store *store, bool is_here, size_t size, uint64_t expected,
                      struct error *err)
{
    return is_here && size != expected ? sql_damage(store->sql, "a body has another size than its call", err)
                                       : 0;
}

/* Adds what the database has of the result. */
static int add_result(struct call_store *store, struct call_record *record, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql, "SELECT head, body FROM call_results WHERE number = ?",
                       SQL_VALUES(SQL_INT(record->number)), &row, err);
    if (rc <= 0)
        return rc;
    size_t size = 0;
    record->result_head = sql_copy(row, 0, NULL);
    record->result = sql_copy(row, 1, &size);
    sql_end(row);
    return check_size(store, !record->result_file, size, record->result_size, err);
}

int call_store_find_result(struct call_store *store, const char *id, struct call_record *ret_record,
                           struct error *err)
{
    struct call_record record;
    int rc = call_store_find(store, id, 0, &record, err);
    if (rc <= 0)
        return rc;
    if (add_result(store, &record, err) < 0) {
        call_record_clear(&record);
        return -1;
    }
    *ret_record = record;
    return 1;
}

/* Adds what the database has of the request's body. */
static int add_body(struct call_store *store, struct call_record *record, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql, "SELECT body FROM call_requests WHERE number = ?",
                       SQL_VALUES(SQL_INT(record->number)), &row, err);
    if (rc <= 0)
        return rc;
    size_t size = 0;
    record->body = sql_copy(row, 0, &size);
    sql_end(row);
    return check_size(store, !record->body_file, size, record->body_size, err);
}

#define WAITING                                                                                              \
    " calls INDEXED BY calls_next WHERE state = 0 AND function = ?1 AND place > ?2 AND place <= ?3 "

/* Puts those whose time is in this range among those that are due, the earliest first: as many as the
 * transaction may, but always one, so that no function waits for another. 1; 0: there are none. */
static int note_due(struct call_store *store, const char *function, uint64_t after_ms, uint64_t until_ms,
                    uint64_t now_ms, struct error *err)
{
    int64_t place = 0, count = 0;
    unsigned most = store->due_left > 0 ? store->due_left : 1;
    if (sql_number(store->sql, "SELECT place FROM" WAITING "LIMIT 1",
                   SQL_VALUES(SQL_STR(function), SQL_INT(after_ms), SQL_INT(until_ms)), &place, err) < 0)
        return -1;
    if (place == 0)
        return 0;
    if (sql_change(store->sql,
                   "UPDATE calls SET place = 0, due_ms = min(due_ms, ?4) WHERE number IN"
                   " (SELECT number FROM" WAITING "ORDER BY place LIMIT ?5)",
                   SQL_VALUES(SQL_STR(function), SQL_INT(after_ms), SQL_INT(until_ms), SQL_INT(now_ms),
                              SQL_INT(most)),
                   &count, err) < 0)
        return -1;
    store->due_left -= count < store->due_left ? (unsigned)count : store->due_left;
    return 1;
}

static int find_due(struct call_store *store, const char *function, struct call_record *ret_record,
                    struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT" CALL_COLUMNS_OF_NEXT "WHERE state = 0 AND function = ? AND place = 0"
                       " ORDER BY calls.number LIMIT 1",
                       SQL_VALUES(SQL_STR(function)), &row, err);
    return take_record(store, rc, row, ret_record, err);
}

int call_store_next(struct call_store *store, const char *function, uint64_t now_ms, uint64_t longest_ms,
                    struct call_record *ret_record, struct error *err)
{
    struct call_record record;
    if (note_due(store, function, 0, now_ms, now_ms, err) < 0)
        return -1;
    int rc = find_due(store, function, &record, err);
    if (rc == 0 && (rc = note_due(store, function, now_ms + longest_ms, INT64_MAX, now_ms, err)) > 0)
        rc = find_due(store, function, &record, err);
    if (rc <= 0)
        return rc;
    if (add_body(store, &record, err) < 0) {
        call_record_clear(&record);
        return -1;
    }
    *ret_record = record;
    return 1;
}

int call_store_next_due(struct call_store *store, const char *function, uint64_t *ret_due_ms,
                        struct error *err)
{
    int64_t due_ms = -1;
    if (sql_number(store->sql,
                   "SELECT due_ms FROM calls WHERE state = 0 AND function = ? ORDER BY place LIMIT 1",
                   SQL_VALUES(SQL_STR(function)), &due_ms, err) < 0)
        return -1;
    *ret_due_ms = due_ms < 0 ? UINT64_MAX : (uint64_t)due_ms;
    return 0;
}

int call_store_find_key(struct call_store *store, const char *function, const char *key, uint64_t since_ms,
                        char ret_id[CALL_ID_DIGITS + 1], char ret_fingerprint[65], struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT id, fingerprint FROM call_keys WHERE function = ? AND key = ?"
                       " AND accepted_ms >= ?",
                       SQL_VALUES(SQL_STR(function), SQL_STR(key), SQL_INT(since_ms)), &row, err);
    if (rc <= 0)
        return rc;
    snprintf(ret_id, CALL_ID_DIGITS + 1, "%s", (const char *)sqlite3_column_text(row, 0));
    snprintf(ret_fingerprint, 65, "%s", (const char *)sqlite3_column_text(row, 1));
    sql_end(row);
    return 1;
}
