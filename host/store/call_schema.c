#include "store/call_schema.h"

#include <stdio.h>

/*
 * Each text brings a database of the version before to its own. `place` of a waiting call is 0 once it is
 * due, and until then the time when it will be, so that an index has the next one first however many wait.
 * What is long and seldom looked at is apart from what changes with each attempt.
 */
static const char *const versions[] = {
    "CREATE TABLE calls ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " function TEXT NOT NULL,"
    " state INTEGER NOT NULL," /* enum call_state */
    " place INTEGER,"
    " due_ms INTEGER NOT NULL,"
    " accepted_ms INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " ended_ms INTEGER,"
    " expires_ms INTEGER,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " attempt_ms INTEGER,"
    " run_ms INTEGER,"
    " status INTEGER,"
    " reason TEXT,"
    " message TEXT,"
    " body_size INTEGER NOT NULL,"
    " body_place INTEGER NOT NULL," /* enum body_place */
    " result_size INTEGER NOT NULL DEFAULT 0,"
    " result_place INTEGER NOT NULL DEFAULT 0,"
    " result_cut INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX calls_next ON calls (function, place) WHERE state = 0;"
    "CREATE INDEX calls_by_state ON calls (state);"
    "CREATE INDEX calls_by_function ON calls (function, state);"
    "CREATE INDEX calls_expiry ON calls (expires_ms) WHERE expires_ms IS NOT NULL;"

    "CREATE TABLE call_requests ("
    " number INTEGER PRIMARY KEY,"
    " method TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " callback_url TEXT,"
    " client TEXT,"
    " request_id TEXT,"
    " schedule TEXT,"
    " scheduled_ms INTEGER,"
    " origin TEXT,"
    " head TEXT NOT NULL,"
    " body BLOB);"

    "CREATE TABLE call_results (number INTEGER PRIMARY KEY, head TEXT NOT NULL, body BLOB);"

    "CREATE TABLE call_attempts ("
    " number INTEGER NOT NULL,"
    " ordinal INTEGER NOT NULL,"
    " request_id TEXT,"
    " begun_ms INTEGER NOT NULL,"
    " ended_ms INTEGER,"
    " run_ms INTEGER,"
    " status INTEGER,"
    " reason TEXT,"
    " message TEXT,"
    " PRIMARY KEY (number, ordinal)) WITHOUT ROWID;"

    "CREATE TABLE call_keys ("
    " function TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL,"
    " accepted_ms INTEGER NOT NULL,"
    " PRIMARY KEY (function, key)) WITHOUT ROWID;"
    "CREATE INDEX call_keys_age ON call_keys (accepted_ms);"

    "CREATE TABLE call_counts ("
    " function TEXT PRIMARY KEY,"
    " waiting INTEGER NOT NULL,"
    " running INTEGER NOT NULL,"
    " done INTEGER NOT NULL,"
    " dead INTEGER NOT NULL,"
    " cancelled INTEGER NOT NULL,"
    " file_bytes INTEGER NOT NULL) WITHOUT ROWID;"

    /* Results that are posted to whoever asked for it. */
    "CREATE TABLE call_callbacks ("
    " number INTEGER PRIMARY KEY,"
    " receiver TEXT NOT NULL," /* host and port: those that are slow hold up no others */
    " state INTEGER NOT NULL," /* enum callback_state */
    " due_ms INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " ended_ms INTEGER,"
    " status INTEGER,"
    " reason TEXT,"
    " message TEXT,"
    " is_signed INTEGER NOT NULL,"
    " keeps_result INTEGER NOT NULL,"
    " expires_ms INTEGER);" /* of the call, once this has ended */
    "CREATE INDEX call_callbacks_next ON call_callbacks (due_ms) WHERE state = 0;"

    /* How many calls, each called by the end of another, led to this one. */
    "CREATE TABLE call_chains (number INTEGER PRIMARY KEY, depth INTEGER NOT NULL);"

    /* What has become of the times of schedules is known up to decided_ms. */
    "CREATE TABLE schedules ("
    " function TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " decided_ms INTEGER NOT NULL,"
    " last_number INTEGER NOT NULL DEFAULT 0,"
    " seen_ms INTEGER NOT NULL,"
    " PRIMARY KEY (function, name)) WITHOUT ROWID;"

    "CREATE TABLE schedule_waiting ("
    " function TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " planned_ms INTEGER NOT NULL,"
    " PRIMARY KEY (function, name, planned_ms)) WITHOUT ROWID;"

    "CREATE TABLE schedule_skips ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " function TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " skipped_ms INTEGER NOT NULL,"
    " reason TEXT NOT NULL);"
    "CREATE INDEX schedule_skips_of ON schedule_skips (function, name, number);"

    "CREATE TRIGGER schedules_forgotten AFTER DELETE ON schedules BEGIN"
    " DELETE FROM schedule_waiting WHERE function = old.function AND name = old.name;"
    " DELETE FROM schedule_skips WHERE function = old.function AND name = old.name;"
    "END;"

    "CREATE TRIGGER calls_forgotten AFTER DELETE ON calls BEGIN"
    " DELETE FROM call_requests WHERE number = old.number;"
    " DELETE FROM call_results WHERE number = old.number;"
    " DELETE FROM call_attempts WHERE number = old.number;"
    " DELETE FROM call_callbacks WHERE number = old.number;"
    " DELETE FROM call_chains WHERE number = old.number;"
    "END;",
};

#define VERSION_COUNT ((int64_t)(sizeof(versions) / sizeof(*versions)))

static int apply_version(struct sql *sql, int64_t version, struct error *err)
{
    char note[64];
    snprintf(note, sizeof(note), "PRAGMA user_version = %lld", (long long)version);
    if (sql_begin(sql, err) < 0)
        return -1;
    if (sql_run(sql, versions[version - 1], err) < 0 || sql_run(sql, note, err) < 0) {
        sql_roll_back(sql);
        return -1;
    }
    return sql_commit(sql, err);
}

int call_schema_apply_some(struct sql *sql, int64_t last, struct error *err)
{
    int64_t version = 0;
    if (sql_number(sql, "PRAGMA user_version", SQL_VALUES(), &version, err) < 0)
        return -1;
    if (version > VERSION_COUNT || version < 0) {
        error_set(err, ERROR_CALLS_STORE, "the store of calls has version %lld, and this Berth knows %lld",
                  (long long)version, (long long)VERSION_COUNT);
        return error_hint(err, "go on with the version of Berth that it was used with last");
    }
    for (; version < VERSION_COUNT && version < last; version++)
        if (apply_version(sql, version + 1, err) < 0)
            return -1;
    return 0;
}

int call_schema_apply(struct sql *sql, struct error *err)
{
    return call_schema_apply_some(sql, VERSION_COUNT, err);
}
