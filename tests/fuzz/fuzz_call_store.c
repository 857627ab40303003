/* Whatever stands in the database of calls, it is opened, or refused, or set aside and what can be read of it
 * saved; what is there then can be worked with, in bounded time. The input: steps, each of which puts a value
 * into a column where none of ours would be, or bytes over those of the file. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "store/call_callbacks.h"
#include "store/call_chains.h"
#include "store/call_check.h"
#include "store/call_list.h"
#include "store/call_store.h"
#include "store/schedule_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS  1000000u
#define CALLS   7
#define LONG_MS (1000u * 1000)

static const char *const tables[] = {"calls",     "call_requests",    "call_results",   "call_attempts",
                                     "call_keys", "call_counts",      "call_callbacks", "call_chains",
                                     "schedules", "schedule_waiting", "schedule_skips"};
static const struct schedule_key schedule = {.function = "f", .name = "nightly", .digest = "digest"};
static unsigned sum; /* of what was read */
static char good_dir[] = "/dev/shm/berth-fuzz-XXXXXX";

/* --- a good one --- */

static void put(struct call_store *store, int number)
{
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    int64_t ret_number;
    snprintf(id, sizeof(id), "%032d", number);
    const struct call_new call = {.id = id,
                                  .function = number % 2 ? "f" : "g",
                                  .method = "POST",
                                  .target = "/path?query",
                                  .head = "Content-Type: text/plain\r\n",
                                  .body = {.bytes = "a body", .size = 6},
                                  .callback_url = "http://receiver:80/",
                                  .key = "a key",
                                  .fingerprint = "a print",
                                  .request_id = "an id",
                                  .accepted_ms = NOW_MS,
                                  .due_ms = NOW_MS + (unsigned)number};
    if (call_store_put(store, &call, &ret_number, &err) < 0 ||
        call_chains_put(store, ret_number, 2, &err) < 0)
        abort();
}

static void end(struct call_store *store, int64_t number, enum call_state state)
{
    struct error err;
    const struct call_outcome outcome = {.status = 200,
                                         .ended_ms = NOW_MS + 5,
                                         .result_head = "Content-Type: text/plain\r\n",
                                         .result = {.bytes = "a result", .size = 8}};
    const struct callback_new callback = {.number = number, .receiver = "receiver:80", .due_ms = NOW_MS};
    if (call_store_begin_attempt(store, number, "an id", NOW_MS, &err) < 0 ||
        (state != CALL_RUNNING && call_store_end(store, number, state, &outcome, NOW_MS + 100, &err) < 0) ||
        (state != CALL_RUNNING && call_callbacks_put(store, &callback, &err) < 0))
        abort();
}

static void note_schedule(struct call_store *store)
{
    struct error err;
    const struct schedule_skipped skipped = {.first_ms = 1, .last_ms = 2, .count = 2, .reason = "overlap"};
    if (schedule_store_note(store, &schedule, NOW_MS, &err) < 0 ||
        schedule_store_add_waiting(store, &schedule, NOW_MS, &err) < 0 ||
        schedule_store_note_skip(store, &schedule, &skipped, &err) < 0)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct call_store *store;
    struct error err;
    unsigned repeated;
    log_configure(LOG_ERROR, LOG_TEXT);
    if (!mkdtemp(good_dir) || call_store_open(good_dir, NOW_MS, &store, &repeated, &err) < 0 ||
        call_store_begin(store, &err) < 0)
        abort();
    for (int number = 1; number <= CALLS; number++)
        put(store, number);
    end(store, 1, CALL_DONE);
    end(store, 2, CALL_DEAD);
    end(store, 3, CALL_RUNNING);
    note_schedule(store);
    if (call_store_commit(store, true, &err) < 0)
        abort();
    call_store_close(store);
    return 0;
}

static void copy_good(const char *path)
{
    char good[PATH_MAX];
    cleanup_free char *bytes = NULL;
    size_t size;
    snprintf(good, sizeof(good), "%s/calls.db", good_dir);
    if (fs_read_file(good, 16u << 20, &bytes, &size, NULL) < 0 ||
        fs_write_file(path, bytes, size, 0600, NULL) < 0)
        abort();
}

/* --- what is wrong with it --- */

struct steps {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct steps *steps, size_t bytes)
{
    uint64_t value = 0;
    for (; bytes > 0 && steps->size > 0; bytes--, steps->size--)
        value = value << 8 | *steps->data++;
    return value;
}

static void bind(struct steps *steps, sqlite3_stmt *statement)
{
    uint64_t kind = take(steps, 1);
    size_t size = kind >> 4;
    if (size > steps->size)
        size = steps->size;
    switch (kind & 7) {
    case 0:
        return; /* NULL */
    case 1:
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)take(steps, 8));
        return;
    case 2:
        sqlite3_bind_int64(statement, 1, (int8_t)take(steps, 1));
        return;
    case 3:
        sqlite3_bind_double(statement, 1, (double)take(steps, 8) * 1e100);
        return;
    case 4:
        sqlite3_bind_zeroblob(statement, 1, (int)take(steps, 2));
        return;
    case 5:
        sqlite3_bind_blob(statement, 1, steps->data, (int)size, SQLITE_TRANSIENT);
        break;
    default:
        sqlite3_bind_text(statement, 1, (const char *)steps->data, (int)size, SQLITE_TRANSIENT);
    }
    steps->data += size, steps->size -= size;
}

/* The names of a table's first column and of another one. False: the database cannot say. */
static bool name_columns(sqlite3 *db, const char *table, uint64_t which, char ret_first[64],
                         char ret_column[64])
{
    sqlite3_stmt *columns;
    char text[128];
    *ret_first = *ret_column = '\0';
    snprintf(text, sizeof(text), "SELECT name FROM pragma_table_info('%s')", table);
    if (sqlite3_prepare_v2(db, text, -1, &columns, NULL) != SQLITE_OK)
        return false;
    for (uint64_t i = 0; i <= which % 24 && sqlite3_step(columns) == SQLITE_ROW; i++)
        snprintf(i == 0 ? ret_first : ret_column, 64, "%s", (const char *)sqlite3_column_text(columns, 0));
    sqlite3_finalize(columns);
    return *ret_first;
}

/* In all rows or in every third; what SQLite refuses stays as it was. */
static void put_value(struct steps *steps, sqlite3 *db)
{
    const char *table = tables[take(steps, 1) % (sizeof(tables) / sizeof(*tables))];
    char first[64], column[64], text[256];
    uint64_t which = take(steps, 1), rows = take(steps, 1) & 3;
    sqlite3_stmt *change;
    if (!name_columns(db, table, which, first, column))
        return;
    snprintf(text, sizeof(text), "UPDATE OR IGNORE %s SET %s = ?1 WHERE ?2 = 3 OR %s %% 3 = ?2", table,
             *column ? column : first, first);
    if (sqlite3_prepare_v2(db, text, -1, &change, NULL) != SQLITE_OK)
        return;
    bind(steps, change);
    sqlite3_bind_int(change, 2, (int)rows);
    sqlite3_step(change);
    sqlite3_finalize(change);
}

static void put_bytes(struct steps *steps, const char *path)
{
    off_t at = (off_t)take(steps, 2) * 8;
    size_t size = take(steps, 1) % 64;
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (size > steps->size)
        size = steps->size;
    if (pwrite(fd, steps->data, size, at) < 0)
        abort();
    steps->data += size, steps->size -= size;
}

static void spoil(struct steps *steps, const char *path)
{
    sqlite3 *db;
    unsigned values = (unsigned)take(steps, 1) % 16;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        abort();
    sqlite3_exec(db, "PRAGMA ignore_check_constraints = 1; PRAGMA synchronous = 0", NULL, NULL, NULL);
    for (; values > 0 && steps->size > 0; values--)
        put_value(steps, db);
    sqlite3_close(db);
    while (steps->size > 3)
        put_bytes(steps, path);
}

/* --- what is done with it --- */

/* As whoever sends it does. */
static void see(const char *bytes, uint64_t size)
{
    for (uint64_t i = 0; bytes && i < size; i++)
        sum += (unsigned char)bytes[i];
}

static int look_at_call(struct call_store *store, int64_t number, struct error *err)
{
    struct call_record record = {0};
    struct call_attempts attempts = {0};
    struct callback_record callback = {0};
    unsigned depth;
    int rc = call_store_find(store, NULL, number, &record, err);
    if (rc > 0) {
        if ((unsigned)record.state >= CALL_STATE_COUNT || !record.function || !record.method)
            abort();
        call_record_clear(&record);
        rc = call_attempts_read(store, number, &attempts, err);
        call_attempts_clear(&attempts);
    }
    if (rc >= 0 && (rc = call_callbacks_find(store, number, &callback, err)) > 0)
        callback_record_clear(&callback);
    return rc < 0 ? -1 : call_chains_find(store, number, &depth, err);
}

static int look(struct call_store *store, struct error *err)
{
    struct call_page page = {0};
    const struct call_filter filter = {.state = -1, .limit = 100};
    struct schedule_state state = {0};
    struct schedule_skips skips = {0};
    struct call_record record = {0};
    char id[CALL_ID_DIGITS + 1], print[65];
    int rc = 0;
    for (int64_t number = 0; number <= CALLS && rc >= 0; number++)
        rc = look_at_call(store, number, err);
    if (rc < 0 || call_page_read(store, &filter, &page, err) < 0)
        return -1;
    call_page_clear(&page);
    if ((rc = call_store_find_result(store, "00000000000000000000000000000001", &record, err)) < 0)
        return -1;
    if (rc > 0) {
        see(record.result, record.result_file ? 0 : record.result_size);
        call_record_clear(&record);
    }
    if (call_store_find_key(store, "f", "a key", 0, id, print, err) < 0)
        return -1;
    if ((rc = schedule_store_read(store, &schedule, &state, err)) < 0)
        return -1;
    if (rc > 0)
        schedule_state_clear(&state);
    if (schedule_store_read_skips(store, &schedule, &skips, err) < 0)
        return -1;
    schedule_skips_clear(&skips);
    return 0;
}

static int deliver_all(struct call_store *store, const char *function, struct error *err)
{
    const struct call_outcome outcome = {
        .ended_ms = NOW_MS + 200, .reason = "a reason", .message = "a message"};
    uint64_t due_ms;
    int rc = 0;
    for (int count = 0; rc >= 0 && count < 2 * CALLS; count++) {
        struct call_record record = {0};
        rc = call_store_next(store, function, NOW_MS + 100, LONG_MS, &record, err);
        if (rc <= 0)
            break;
        see(record.body, record.body_file ? 0 : record.body_size);
        rc = call_store_begin_attempt(store, record.number, "an id", NOW_MS, err);
        if (rc >= 0 && count % 2)
            rc = call_store_end(store, record.number, CALL_DEAD, &outcome, 0, err);
        else if (rc >= 0)
            rc = call_store_retry(store, record.number, &outcome, NOW_MS + 90, true, err);
        call_record_clear(&record);
    }
    return rc < 0 ? -1 : call_store_next_due(store, function, &due_ms, err);
}

static int post_all(struct call_store *store, struct error *err)
{
    const struct callback_try ended = {
        .status = 500, .reason = "a reason", .message = "m", .ended_ms = NOW_MS};
    int rc = 0;
    for (int count = 0; rc >= 0 && count < 2 * CALLS; count++) {
        struct callback_record record = {0};
        rc = call_callbacks_next(store, NOW_MS, LONG_MS, "[]", &record, err);
        if (rc <= 0)
            break;
        if (!record.receiver)
            abort();
        rc = call_callbacks_begin_try(store, record.number, err);
        if (rc >= 0)
            rc = call_callbacks_end(store, record.number, CALLBACK_STATE_GIVEN_UP, &ended, err);
        callback_record_clear(&record);
    }
    return rc;
}

static int change(struct call_store *store, struct error *err)
{
    int64_t count;
    unsigned expired;
    if (deliver_all(store, "f", err) < 0 || deliver_all(store, "g", err) < 0 || post_all(store, err) < 0 ||
        call_store_cancel(store, 5, NOW_MS, NOW_MS + 1, err) < 0 ||
        call_store_redrive(store, 0, NULL, NOW_MS, &count, err) < 0 ||
        call_store_drop(store, 0, "f", &count, err) < 0 ||
        call_store_expire(store, NOW_MS + 1000000, 100, &expired, err) < 0)
        return -1;
    put(store, 100);
    return 0;
}

static void use(struct call_store *store)
{
    struct error err;
    struct call_sums sums;
    char **waiting = call_store_waiting_functions(store);
    texts_free(waiting);
    call_store_sums(store, &sums);
    if (call_store_begin(store, &err) < 0)
        return;
    if (look(store, &err) < 0 || change(store, &err) < 0)
        call_store_roll_back(store);
    else
        call_store_commit(store, true, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[] = "/dev/shm/berth-fuzz-XXXXXX", path[PATH_MAX], **lines;
    struct steps steps = {.data = data, .size = size};
    struct call_store *store;
    struct error err;
    unsigned repeated;
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof(path), "%s/calls.db", dir);
    copy_good(path);
    spoil(&steps, path);
    if (call_store_check(dir, &lines, &err) == 0)
        texts_free(lines);
    if (call_store_open(dir, NOW_MS, &store, &repeated, &err) == 0) {
        use(store);
        call_store_close(store);
    }
    fs_remove_tree(dir, NULL);
    return 0;
}
