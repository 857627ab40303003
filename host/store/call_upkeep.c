/* Ends of what is kept: expired, dropped, or alive again. */
#include "store/call_store_inside.h"

#include "base/alloc.h"

#include <stdlib.h>

#define KEY_COUNT_MAX 1000 /* keys that are forgotten at once */
/* Pages that nothing is in are given back to the disk, some at a time, when there are many. */
#define UNUSED_PAGES_MIN 1024
#define UNUSED_SHARE     4

struct numbers {
    int64_t *numbers;
    size_t count;
};

static void clear_numbers(struct numbers *numbers)
{
    free(numbers->numbers);
}

#define cleanup_numbers __attribute__((cleanup(clear_numbers)))

/* The rows that follow the first one, with what `rc` says of that. */
static int take_numbers(struct call_store *store, int rc, sqlite3_stmt *row, struct numbers *numbers,
                        struct error *err)
{
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        numbers->numbers = xgrow(numbers->numbers, numbers->count, sizeof(*numbers->numbers));
        numbers->numbers[numbers->count++] = sqlite3_column_int64(row, 0);
    }
    return rc;
}

/* One dead call, or all of a function, or all. */
static int find_dead(struct call_store *store, int64_t number, const char *function, struct numbers *numbers,
                     struct error *err)
{
    sqlite3_stmt *row;
    int rc;
    if (number > 0)
        rc = sql_first(store->sql, "SELECT number FROM calls WHERE number = ? AND state = ?",
                       SQL_VALUES(SQL_INT(number), SQL_INT(CALL_DEAD)), &row, err);
    else if (function)
        rc = sql_first(store->sql, "SELECT number FROM calls WHERE function = ? AND state = ?",
                       SQL_VALUES(SQL_STR(function), SQL_INT(CALL_DEAD)), &row, err);
    else
        rc = sql_first(store->sql, "SELECT number FROM calls WHERE state = ?", SQL_VALUES(SQL_INT(CALL_DEAD)),
                       &row, err);
    return take_numbers(store, rc, row, numbers, err);
}

static int forget(struct call_store *store, int64_t number, struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    if (call_row_find(store, number, &row, err) < 0 ||
        sql_change(store->sql, "DELETE FROM calls WHERE number = ?", SQL_VALUES(SQL_INT(number)), NULL, err) <
            0)
        return -1;
    call_row_drop_file(store, &row, BODY_REQUEST);
    call_row_drop_file(store, &row, BODY_RESULT);
    call_tallies_add(&store->counts, row.function, row.state, -1);
    return 0;
}

static int revive(struct call_store *store, const struct call_row *row, uint64_t now_ms, struct error *err)
{
    if (sql_change(store->sql, "DELETE FROM call_results WHERE number = ?", SQL_VALUES(SQL_INT(row->number)),
                   NULL, err) < 0 ||
        sql_change(store->sql,
                   "UPDATE calls SET state = 0, place = 0, due_ms = ?1, since_ms = ?1, ended_ms = NULL,"
                   " expires_ms = NULL, attempts = 0, attempt_ms = NULL, run_ms = NULL, status = NULL,"
                   " reason = NULL, message = NULL, result_size = 0, result_place = 0, result_cut = 0"
                   " WHERE number = ?2",
                   SQL_VALUES(SQL_INT(now_ms), SQL_INT(row->number)), NULL, err) < 0)
        return -1;
    call_row_drop_file(store, row, BODY_RESULT);
    call_tallies_move(&store->counts, row->function, CALL_DEAD, CALL_WAITING);
    return 0;
}

int call_store_redrive(struct call_store *store, int64_t number, const char *function, uint64_t now_ms,
                       int64_t *ret_count, struct error *err)
{
    cleanup_numbers struct numbers dead = {0};
    int64_t count = 0;
    int rc = find_dead(store, number, function, &dead, err);
    for (size_t i = 0; rc >= 0 && i < dead.count; i++) {
        cleanup_call_row struct call_row row = {0};
        rc = call_row_find(store, dead.numbers[i], &row, err);
        if (rc <= 0 || row.is_lost)
            continue;
        rc = revive(store, &row, now_ms, err);
        count++;
    }
    if (rc < 0)
        return -1;
    *ret_count = count;
    return 0;
}

int call_store_drop(struct call_store *store, int64_t number, const char *function, int64_t *ret_count,
                    struct error *err)
{
    cleanup_numbers struct numbers dead = {0};
    if (find_dead(store, number, function, &dead, err) < 0)
        return -1;
    for (size_t i = 0; i < dead.count; i++)
        if (forget(store, dead.numbers[i], err) < 0)
            return -1;
    *ret_count = (int64_t)dead.count;
    return 0;
}

static int expire_keys(struct call_store *store, uint64_t now_ms, struct error *err)
{
    int64_t before_ms = (int64_t)now_ms - CALL_KEY_MS;
    return sql_change(store->sql,
                      "DELETE FROM call_keys WHERE (function, key) IN"
                      " (SELECT function, key FROM call_keys WHERE accepted_ms < ? LIMIT ?)",
                      SQL_VALUES(SQL_INT(before_ms), SQL_INT(KEY_COUNT_MAX)), NULL, err);
}

static int give_back_pages(struct call_store *store, struct error *err)
{
    int64_t pages = 0, unused = 0;
    if (sql_number(store->sql, "PRAGMA page_count", SQL_VALUES(), &pages, err) < 0 ||
        sql_number(store->sql, "PRAGMA freelist_count", SQL_VALUES(), &unused, err) < 0)
        return -1;
    if (unused < UNUSED_PAGES_MIN || unused < pages / UNUSED_SHARE)
        return 0;
    return sql_run(store->sql, "PRAGMA incremental_vacuum(256)", err);
}

int call_store_expire(struct call_store *store, uint64_t now_ms, unsigned max, unsigned *ret_count,
                      struct error *err)
{
    cleanup_numbers struct numbers expired = {0};
    sqlite3_stmt *row;
    int rc =
        sql_first(store->sql, "SELECT number FROM calls WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?",
                  SQL_VALUES(SQL_INT(now_ms), SQL_INT(max)), &row, err);
    if (take_numbers(store, rc, row, &expired, err) < 0 || expire_keys(store, now_ms, err) < 0)
        return -1;
    for (size_t i = 0; i < expired.count; i++)
        if (forget(store, expired.numbers[i], err) < 0)
            return -1;
    *ret_count = (unsigned)expired.count;
    return give_back_pages(store, err);
}
