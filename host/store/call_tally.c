#include "store/call_tally.h"

#include "base/alloc.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX (INT64_C(1) << 53) /* calls in a state, and bytes in files */

struct call_tally {
    char *function;
    int64_t by_state[CALL_STATE_COUNT];
    int64_t file_bytes;
    bool has_changed;
    UT_hash_handle hh;
};

static void free_count(struct call_tally *count)
{
    free(count->function);
    free(count);
}

void call_tallies_clear(struct call_tallies *counts)
{
    struct call_tally *count = counts->functions;
    HASH_CLEAR(hh, counts->functions);
    while (count) {
        struct call_tally *next = count->hh.next;
        free_count(count);
        count = next;
    }
    *counts = (struct call_tallies){0};
}

static struct call_tally *find_or_make(struct call_tallies *counts, const char *function)
{
    struct call_tally *count;
    HASH_FIND_STR(counts->functions, function, count);
    if (!count) {
        count = xcalloc(1, sizeof(*count));
        count->function = xstrdup(function);
        HASH_ADD_KEYPTR(hh, counts->functions, count->function, strlen(count->function), count);
    }
    return count;
}

void call_tallies_add(struct call_tallies *counts, const char *function, enum call_state state, int64_t added)
{
    struct call_tally *count = find_or_make(counts, function);
    count->by_state[state] += added;
    count->has_changed = true;
    counts->by_state[state] += added;
}

void call_tallies_move(struct call_tallies *counts, const char *function, enum call_state from,
                       enum call_state to)
{
    call_tallies_add(counts, function, from, -1);
    call_tallies_add(counts, function, to, 1);
}

void call_tallies_add_bytes(struct call_tallies *counts, const char *function, int64_t bytes)
{
    struct call_tally *count = find_or_make(counts, function);
    count->file_bytes += bytes;
    count->has_changed = true;
    counts->file_bytes += bytes;
}

/* A count in a column: -1: no count of ours can be that large, and the sum of all of them neither. */
static int64_t count_in(sqlite3_stmt *row, int column)
{
    int64_t count = sqlite3_column_int64(row, column);
    return count >= 0 && count <= COUNT_MAX ? count : -1;
}

/* False: there is one in it that is none. */
static bool take_row(struct call_tallies *counts, sqlite3_stmt *row)
{
    struct call_tally *count = find_or_make(counts, (const char *)sqlite3_column_text(row, 0));
    bool are_counts = true;
    for (int state = 0; state < CALL_STATE_COUNT; state++) {
        count->by_state[state] = count_in(row, 1 + state);
        counts->by_state[state] += count->by_state[state];
        are_counts = are_counts && count->by_state[state] >= 0;
    }
    count->file_bytes = count_in(row, 1 + CALL_STATE_COUNT);
    counts->file_bytes += count->file_bytes;
    return are_counts && count->file_bytes >= 0;
}

int call_tallies_load(struct call_tallies *counts, struct sql *sql, struct error *err)
{
    sqlite3_stmt *row;
    call_tallies_clear(counts);
    int rc = sql_first(sql,
                       "SELECT function, waiting, running, done, dead, cancelled, file_bytes"
                       " FROM call_counts",
                       SQL_VALUES(), &row, err);
    for (; rc > 0; rc = sql_next(sql, row, err)) {
        if (!take_row(counts, row)) {
            sql_end(row);
            return sql_damage(sql, "what is counted of calls are no counts", err);
        }
    }
    return rc;
}

static bool is_empty(const struct call_tally *count)
{
    int64_t sum = count->file_bytes;
    for (int state = 0; state < CALL_STATE_COUNT; state++)
        sum |= count->by_state[state];
    return sum == 0;
}

static int save_count(const struct call_tally *count, struct sql *sql, struct error *err)
{
    if (is_empty(count))
        return sql_change(sql, "DELETE FROM call_counts WHERE function = ?",
                          SQL_VALUES(SQL_STR(count->function)), NULL, err);
    return sql_change(
        sql,
        "REPLACE INTO call_counts (function, waiting, running, done, dead, cancelled, file_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        SQL_VALUES(SQL_STR(count->function), SQL_INT(count->by_state[CALL_WAITING]),
                   SQL_INT(count->by_state[CALL_RUNNING]), SQL_INT(count->by_state[CALL_DONE]),
                   SQL_INT(count->by_state[CALL_DEAD]), SQL_INT(count->by_state[CALL_CANCELLED]),
                   SQL_INT(count->file_bytes)),
        NULL, err);
}

int call_tallies_save(struct call_tallies *counts, struct sql *sql, struct error *err)
{
    for (struct call_tally *count = counts->functions; count; count = count->hh.next) {
        if (!count->has_changed)
            continue;
        if (save_count(count, sql, err) < 0)
            return -1;
        count->has_changed = false;
    }
    return 0;
}

char **call_tallies_waiting(const struct call_tallies *counts)
{
    char **functions = xcalloc(HASH_COUNT(counts->functions) + 1, sizeof(*functions));
    size_t found = 0;
    for (const struct call_tally *count = counts->functions; count; count = count->hh.next) {
        if (count->by_state[CALL_WAITING] > 0)
            functions[found++] = xstrdup(count->function);
    }
    return functions;
}
