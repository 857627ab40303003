#include "store/call_list.h"

#include "base/alloc.h"
#include "store/call_find.h"

#include <stdlib.h>

/* The newest of a state, by the index that has them in order. */
#define NEWEST_OF(state)                                                                                     \
    "SELECT * FROM (SELECT number FROM calls WHERE function = ?1 AND state = " #state                        \
    " AND number < ?2 ORDER BY number DESC LIMIT ?3)"

static int first_row(struct call_store *store, const struct call_filter *filter, sqlite3_stmt **ret_row,
                     struct error *err)
{
    const struct sql_value before = SQL_INT(filter->before > 0 ? filter->before : INT64_MAX);
    const struct sql_value limit = SQL_INT(filter->limit);
    if (filter->function && filter->state >= 0)
        return sql_first(
            store->sql,
            "SELECT" CALL_COLUMNS_BUT_HEAD "WHERE function = ? AND state = ? AND calls.number < ?"
            " ORDER BY calls.number DESC LIMIT ?",
            SQL_VALUES(SQL_STR(filter->function), SQL_INT(filter->state), before, limit), ret_row, err);
    if (filter->function)
        return sql_first(
            store->sql,
            "SELECT" CALL_COLUMNS_BUT_HEAD
            "WHERE calls.number IN (" NEWEST_OF(0) " UNION ALL " NEWEST_OF(1) " UNION ALL " NEWEST_OF(
                2) " UNION ALL " NEWEST_OF(3) " UNION ALL " NEWEST_OF(4) ") ORDER BY calls.number DESC LIMIT "
                                                                         "?3",
            SQL_VALUES(SQL_STR(filter->function), before, limit), ret_row, err);
    if (filter->state >= 0)
        return sql_first(store->sql,
                         "SELECT" CALL_COLUMNS_BUT_HEAD "WHERE state = ? AND calls.number < ?"
                         " ORDER BY calls.number DESC LIMIT ?",
                         SQL_VALUES(SQL_INT(filter->state), before, limit), ret_row, err);
    return sql_first(store->sql,
                     "SELECT" CALL_COLUMNS_BUT_HEAD
                     "WHERE calls.number < ? ORDER BY calls.number DESC LIMIT ?",
                     SQL_VALUES(before, limit), ret_row, err);
}

int call_page_read(struct call_store *store, const struct call_filter *filter, struct call_page *ret_page,
                   struct error *err)
{
    struct call_page page = {0};
    sqlite3_stmt *row;
    int rc = first_row(store, filter, &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        page.records = xgrow(page.records, page.count, sizeof(*page.records));
        if (call_record_read(store, row, &page.records[page.count], err) < 0) {
            sql_end(row);
            rc = -1;
            break;
        }
        page.count++;
    }
    if (rc < 0) {
        call_page_clear(&page);
        return -1;
    }
    *ret_page = page;
    return 0;
}

void call_page_clear(struct call_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        call_record_clear(&page->records[i]);
    free(page->records);
    *page = (struct call_page){0};
}

static struct call_attempt read_attempt(sqlite3_stmt *row)
{
    return (struct call_attempt){.ordinal = (unsigned)sqlite3_column_int64(row, 0),
                                 .request_id = sql_copy(row, 1, NULL),
                                 .begun_ms = (uint64_t)sqlite3_column_int64(row, 2),
                                 .ended_ms = (uint64_t)sqlite3_column_int64(row, 3),
                                 .run_ms = (uint64_t)sqlite3_column_int64(row, 4),
                                 .status = sqlite3_column_int(row, 5),
                                 .reason = sql_copy(row, 6, NULL),
                                 .message = sql_copy(row, 7, NULL)};
}

int call_attempts_read(struct call_store *store, int64_t number, struct call_attempts *ret_attempts,
                       struct error *err)
{
    struct call_attempts found = {0};
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT ordinal, request_id, begun_ms, ended_ms, run_ms, status, reason, message"
                       " FROM call_attempts WHERE number = ? ORDER BY ordinal",
                       SQL_VALUES(SQL_INT(number)), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        found.attempts = xgrow(found.attempts, found.count, sizeof(*found.attempts));
        found.attempts[found.count++] = read_attempt(row);
    }
    if (rc < 0) {
        call_attempts_clear(&found);
        return -1;
    }
    *ret_attempts = found;
    return 0;
}

void call_attempts_clear(struct call_attempts *attempts)
{
    for (size_t i = 0; i < attempts->count; i++) {
        free(attempts->attempts[i].request_id);
        free(attempts->attempts[i].reason);
        free(attempts->attempts[i].message);
    }
    free(attempts->attempts);
    *attempts = (struct call_attempts){0};
}
