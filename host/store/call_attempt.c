#include "store/call_store_inside.h"

int call_store_begin_attempt(struct call_store *store, int64_t number, const char *request_id,
                             uint64_t now_ms, struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0 || row.state != CALL_WAITING)
        return rc < 0 ? -1 : 0;
    if (sql_change(store->sql,
                   "UPDATE calls SET state = 1, place = NULL, attempts = attempts + 1, attempt_ms = ?"
                   " WHERE number = ?",
                   SQL_VALUES(SQL_INT(now_ms), SQL_INT(number)), NULL, err) < 0 ||
        sql_change(store->sql,
                   "INSERT INTO call_attempts (number, ordinal, request_id, begun_ms)"
                   " SELECT ?1, coalesce(max(ordinal), 0) + 1, ?2, ?3 FROM call_attempts WHERE number = ?1",
                   SQL_VALUES(SQL_INT(number), SQL_STR(request_id), SQL_INT(now_ms)), NULL, err) < 0)
        return -1;
    call_tallies_move(&store->counts, row.function, CALL_WAITING, CALL_RUNNING);
    return 0;
}

/* Notes in the newest row of attempts how it has ended. */
static int note_end(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                    struct error *err)
{
    return sql_change(
        store->sql,
        "UPDATE call_attempts SET ended_ms = ?2, run_ms = ?3, status = ?4, reason = ?5, message = ?6"
        " WHERE number = ?1 AND ordinal ="
        " (SELECT max(ordinal) FROM call_attempts WHERE number = ?1)",
        SQL_VALUES(SQL_INT(number), SQL_INT(outcome->ended_ms), SQL_INT(outcome->run_ms),
                   SQL_INT(outcome->status), SQL_STR(outcome->reason), SQL_STR(outcome->message)),
        NULL, err);
}

static int put_result(struct call_store *store, const struct call_row *row,
                      const struct call_outcome *outcome, enum body_place place, struct error *err)
{
    const struct call_body *body = &outcome->result;
    if (!outcome->result_head)
        return 0;
    if (place == BODY_FILE) {
        if (call_bodies_put(&store->bodies, row->number, BODY_RESULT, body, err) < 0)
            return -1;
        call_tallies_add_bytes(&store->counts, row->function, (int64_t)body->size);
    }
    return sql_change(store->sql, "REPLACE INTO call_results (number, head, body) VALUES (?, ?, ?)",
                      SQL_VALUES(SQL_INT(row->number), SQL_STR(outcome->result_head),
                                 SQL_BYTES(place == BODY_INLINE ? body->bytes : NULL, body->size)),
                      NULL, err);
}

static int write_end(struct call_store *store, const struct call_row *row, enum call_state state,
                     const struct call_outcome *outcome, uint64_t expires_ms, enum body_place result_place,
                     struct error *err)
{
    enum body_place body_place = state == CALL_DEAD ? row->body_place : BODY_NONE;
    return sql_change(
        store->sql,
        "UPDATE calls SET state = ?, place = NULL, ended_ms = ?, expires_ms = ?, run_ms = ?,"
        " status = ?, reason = ?, message = ?, body_place = ?, result_size = ?, result_place = ?,"
        " result_cut = ? WHERE number = ?",
        SQL_VALUES(SQL_INT(state), SQL_INT(outcome->ended_ms), SQL_TIME(expires_ms), SQL_INT(outcome->run_ms),
                   SQL_INT(outcome->status), SQL_STR(outcome->reason), SQL_STR(outcome->message),
                   SQL_INT(body_place), SQL_INT(outcome->result.size), SQL_INT(result_place),
                   SQL_INT(outcome->result_cut), SQL_INT(row->number)),
        NULL, err);
}

/* An end of whatever kind. What will not be delivered again leaves its body behind. */
static int end_call(struct call_store *store, const struct call_row *row, enum call_state state,
                    const struct call_outcome *outcome, uint64_t expires_ms, struct error *err)
{
    enum body_place place = outcome->result_head ? call_body_place(&outcome->result) : BODY_NONE;
    if (write_end(store, row, state, outcome, expires_ms, place, err) < 0 ||
        (row->state == CALL_RUNNING && note_end(store, row->number, outcome, err) < 0) ||
        put_result(store, row, outcome, place, err) < 0)
        return -1;
    if (state != CALL_DEAD)
        call_row_drop_file(store, row, BODY_REQUEST);
    call_tallies_move(&store->counts, row->function, row->state, state);
    return 0;
}

int call_store_end(struct call_store *store, int64_t number, enum call_state state,
                   const struct call_outcome *outcome, uint64_t expires_ms, struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0 || row.state != CALL_RUNNING)
        return rc < 0 ? -1 : 0;
    return end_call(store, &row, state, outcome, expires_ms, err) < 0 ? -1 : 1;
}

int call_store_give_up(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                       struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0 || row.state != CALL_WAITING)
        return rc < 0 ? -1 : 0;
    return end_call(store, &row, CALL_DEAD, outcome, 0, err) < 0 ? -1 : 1;
}

int call_store_cancel(struct call_store *store, int64_t number, uint64_t now_ms, uint64_t expires_ms,
                      struct error *err)
{
    const struct call_outcome outcome = {
        .reason = "cancelled", .message = "the call was cancelled", .ended_ms = now_ms};
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0 || (row.state != CALL_WAITING && row.state != CALL_RUNNING))
        return rc < 0 ? -1 : 0;
    return end_call(store, &row, CALL_CANCELLED, &outcome, expires_ms, err) < 0 ? -1 : 1;
}

/* What the host had no room for is forgotten: there may be thousands of it while it has none. */
static int note_try(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                    bool counted, struct error *err)
{
    if (counted)
        return note_end(store, number, outcome, err);
    return sql_change(store->sql,
                      "DELETE FROM call_attempts WHERE number = ?1 AND ordinal ="
                      " (SELECT max(ordinal) FROM call_attempts WHERE number = ?1)",
                      SQL_VALUES(SQL_INT(number)), NULL, err);
}

int call_store_retry(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                     uint64_t due_ms, bool counted, struct error *err)
{
    cleanup_call_row struct call_row row = {0};
    int rc = call_row_find(store, number, &row, err);
    if (rc <= 0 || row.state != CALL_RUNNING)
        return rc < 0 ? -1 : 0;
    uint64_t place = due_ms > outcome->ended_ms ? due_ms : 0;
    if (sql_change(store->sql,
                   "UPDATE calls SET state = 0, place = ?, due_ms = ?, attempts = attempts - ?, run_ms = ?,"
                   " status = ?, reason = ?, message = ? WHERE number = ?",
                   SQL_VALUES(SQL_INT(place), SQL_INT(due_ms), SQL_INT(counted ? 0 : 1),
                              SQL_INT(outcome->run_ms), SQL_INT(outcome->status), SQL_STR(outcome->reason),
                              SQL_STR(outcome->message), SQL_INT(number)),
                   NULL, err) < 0 ||
        note_try(store, number, outcome, counted, err) < 0)
        return -1;
    call_tallies_move(&store->counts, row.function, CALL_RUNNING, CALL_WAITING);
    return 0;
}
