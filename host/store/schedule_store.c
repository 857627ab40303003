#include "store/schedule_store.h"

#include "base/alloc.h"
#include "store/call_store_inside.h"

#include <stdlib.h>
#include <string.h>

#define KEY(key) SQL_STR((key)->function), SQL_STR((key)->name)

void schedule_state_clear(struct schedule_state *state)
{
    free(state->waiting);
    *state = (struct schedule_state){0};
}

static int read_waiting(struct call_store *store, const struct schedule_key *key,
                        struct schedule_state *state, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(
        store->sql,
        "SELECT planned_ms FROM schedule_waiting WHERE function = ? AND name = ? ORDER BY planned_ms",
        SQL_VALUES(KEY(key)), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        state->waiting = xgrow(state->waiting, state->waiting_count, sizeof(*state->waiting));
        state->waiting[state->waiting_count++] = (uint64_t)sqlite3_column_int64(row, 0);
    }
    return rc;
}

int schedule_store_read(struct call_store *store, const struct schedule_key *key,
                        struct schedule_state *ret_state, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(
        store->sql,
        "SELECT decided_ms, last_number FROM schedules WHERE function = ? AND name = ? AND digest = ?",
        SQL_VALUES(KEY(key), SQL_STR(key->digest)), &row, err);
    if (rc <= 0)
        return rc;
    struct schedule_state state = {.decided_ms = (uint64_t)sqlite3_column_int64(row, 0),
                                   .last_number = sqlite3_column_int64(row, 1)};
    sql_end(row);
    if (read_waiting(store, key, &state, err) < 0) {
        schedule_state_clear(&state);
        return -1;
    }
    *ret_state = state;
    return 1;
}

/* 1: it is known, and not by another digest; 0; -1. */
static int is_known(struct call_store *store, const struct schedule_key *key, struct error *err)
{
    int64_t count = 0;
    if (sql_number(store->sql,
                   "SELECT count(*) FROM schedules WHERE function = ? AND name = ? AND digest = ?",
                   SQL_VALUES(KEY(key), SQL_STR(key->digest)), &count, err) < 0)
        return -1;
    return count > 0;
}

int schedule_store_note(struct call_store *store, const struct schedule_key *key, uint64_t now_ms,
                        struct error *err)
{
    int rc = is_known(store, key, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        return sql_change(store->sql, "UPDATE schedules SET seen_ms = ? WHERE function = ? AND name = ?",
                          SQL_VALUES(SQL_INT(now_ms), KEY(key)), NULL, err);
    if (schedule_store_forget(store, key, err) < 0)
        return -1;
    return sql_change(
        store->sql,
        "INSERT INTO schedules (function, name, digest, decided_ms, seen_ms) VALUES (?, ?, ?, ?, ?)",
        SQL_VALUES(KEY(key), SQL_STR(key->digest), SQL_INT(now_ms), SQL_INT(now_ms)), NULL, err);
}

int schedule_store_set_decided(struct call_store *store, const struct schedule_key *key, uint64_t decided_ms,
                               struct error *err)
{
    return sql_change(store->sql, "UPDATE schedules SET decided_ms = ? WHERE function = ? AND name = ?",
                      SQL_VALUES(SQL_INT(decided_ms), KEY(key)), NULL, err);
}

int schedule_store_add_waiting(struct call_store *store, const struct schedule_key *key, uint64_t planned_ms,
                               struct error *err)
{
    return sql_change(store->sql,
                      "REPLACE INTO schedule_waiting (function, name, planned_ms) VALUES (?, ?, ?)",
                      SQL_VALUES(KEY(key), SQL_INT(planned_ms)), NULL, err);
}

int schedule_store_note_run(struct call_store *store, const struct schedule_key *key, uint64_t planned_ms,
                            int64_t number, struct error *err)
{
    if (sql_change(store->sql,
                   "DELETE FROM schedule_waiting WHERE function = ? AND name = ? AND planned_ms = ?",
                   SQL_VALUES(KEY(key), SQL_INT(planned_ms)), NULL, err) < 0)
        return -1;
    return sql_change(store->sql, "UPDATE schedules SET last_number = ? WHERE function = ? AND name = ?",
                      SQL_VALUES(SQL_INT(number), KEY(key)), NULL, err);
}

int schedule_store_note_skip(struct call_store *store, const struct schedule_key *key,
                             const struct schedule_skipped *skipped, struct error *err)
{
    if (sql_change(store->sql,
                   "INSERT INTO schedule_skips (function, name, first_ms, last_ms, count, skipped_ms, reason)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?)",
                   SQL_VALUES(KEY(key), SQL_INT(skipped->first_ms), SQL_INT(skipped->last_ms),
                              SQL_INT(skipped->count), SQL_INT(skipped->skipped_ms),
                              SQL_STR(skipped->reason)),
                   NULL, err) < 0)
        return -1;
    return sql_change(
        store->sql,
        "DELETE FROM schedule_skips WHERE function = ?1 AND name = ?2 AND number <= (SELECT number FROM"
        " schedule_skips WHERE function = ?1 AND name = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)",
        SQL_VALUES(KEY(key), SQL_INT(SCHEDULE_SKIPS_KEPT)), NULL, err);
}

int schedule_store_read_skips(struct call_store *store, const struct schedule_key *key,
                              struct schedule_skips *ret_skips, struct error *err)
{
    struct schedule_skips skips = {0};
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT first_ms, last_ms, count, skipped_ms, reason FROM schedule_skips"
                       " WHERE function = ? AND name = ? ORDER BY number DESC",
                       SQL_VALUES(KEY(key)), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        skips.items = xgrow(skips.items, skips.count, sizeof(*skips.items));
        skips.items[skips.count++] =
            (struct schedule_skipped){.first_ms = (uint64_t)sqlite3_column_int64(row, 0),
                                      .last_ms = (uint64_t)sqlite3_column_int64(row, 1),
                                      .count = (unsigned)sqlite3_column_int64(row, 2),
                                      .skipped_ms = (uint64_t)sqlite3_column_int64(row, 3),
                                      .reason = sql_copy(row, 4, NULL)};
    }
    if (rc < 0) {
        schedule_skips_clear(&skips);
        return -1;
    }
    *ret_skips = skips;
    return 0;
}

void schedule_skips_clear(struct schedule_skips *skips)
{
    for (size_t i = 0; i < skips->count; i++)
        free(skips->items[i].reason);
    free(skips->items);
    *skips = (struct schedule_skips){0};
}

int schedule_store_is_busy(struct call_store *store, int64_t number, struct error *err)
{
    int64_t state = CALL_DONE;
    if (sql_number(store->sql, "SELECT state FROM calls WHERE number = ?", SQL_VALUES(SQL_INT(number)),
                   &state, err) < 0)
        return -1;
    return state == CALL_WAITING || state == CALL_RUNNING;
}

int schedule_store_forget(struct call_store *store, const struct schedule_key *key, struct error *err)
{
    return sql_change(store->sql, "DELETE FROM schedules WHERE function = ? AND name = ?",
                      SQL_VALUES(KEY(key)), NULL, err);
}

int schedule_store_forget_old(struct call_store *store, uint64_t before_ms, struct error *err)
{
    return sql_change(store->sql, "DELETE FROM schedules WHERE seen_ms < ?", SQL_VALUES(SQL_INT(before_ms)),
                      NULL, err);
}
