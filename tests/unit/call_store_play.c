#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "store/call_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char play_dir[64];
struct call_store *play_store;

void play_expect(int rc, int expected, const struct error *err)
{
    if (rc != expected)
        fail_msg("%d, and not %d: %s", rc, expected, rc < 0 ? err->message : "");
}

int play_begin(void **state)
{
    (void)state;
    struct error err;
    unsigned repeated;
    snprintf(play_dir, sizeof(play_dir), "/tmp/berth-calls-XXXXXX");
    assert_non_null(mkdtemp(play_dir));
    play_expect(call_store_open(play_dir, NOW, &play_store, &repeated, &err), 0, &err);
    return 0;
}

int play_end(void **state)
{
    (void)state;
    struct error err;
    call_store_close(play_store);
    play_store = NULL;
    return fs_remove_tree(play_dir, &err);
}

unsigned play_open_again(void)
{
    struct error err;
    unsigned repeated;
    call_store_close(play_store);
    play_store = NULL;
    play_expect(call_store_open(play_dir, NOW, &play_store, &repeated, &err), 0, &err);
    return repeated;
}

static void begin(void)
{
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
}

static void commit(void)
{
    struct error err;
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
}

static int64_t put(const char *function, uint64_t accepted_ms, uint64_t due_ms, const char *body)
{
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    int64_t number = 0;
    call_id_make(accepted_ms, id);
    const struct call_new call = {.id = id,
                                  .function = function,
                                  .method = "POST",
                                  .target = "/path?query",
                                  .head = "Content-Type: text/plain\r\n",
                                  .body = {.bytes = body, .size = strlen(body)},
                                  .accepted_ms = accepted_ms,
                                  .due_ms = due_ms};
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    return number;
}

int64_t play_put(const char *function, uint64_t accepted_ms, uint64_t due_ms, const char *body)
{
    begin();
    int64_t number = put(function, accepted_ms, due_ms, body);
    commit();
    return number;
}

void play_put_many(const char *function, unsigned count)
{
    begin();
    for (unsigned i = 0; i < count; i++)
        put(function, NOW, NOW, "a body of some length, so that there are several pages of rows");
    commit();
}

int64_t play_take(const char *function, uint64_t now_ms)
{
    struct error err;
    struct call_record record = {0};
    begin();
    int rc = call_store_next(play_store, function, now_ms, A_WAIT_MS, &record, &err);
    play_expect(rc < 0, 0, &err);
    int64_t number = record.number;
    if (rc > 0)
        play_expect(call_store_begin_attempt(play_store, number, "request", now_ms, &err), 0, &err);
    call_record_clear(&record);
    commit();
    return number;
}

void play_end_call(int64_t number, enum call_state state, const char *result, uint64_t expires_ms)
{
    struct error err;
    const struct call_outcome outcome = {.status = 200,
                                         .ended_ms = NOW + 10,
                                         .run_ms = 7,
                                         .result_head = result ? "Content-Type: text/plain\r\n" : NULL,
                                         .result = {.bytes = result, .size = result ? strlen(result) : 0}};
    begin();
    play_expect(call_store_end(play_store, number, state, &outcome, expires_ms, &err), 1, &err);
    commit();
}

void play_retry(int64_t number, uint64_t now_ms, uint64_t due_ms, bool counted)
{
    struct error err;
    const struct call_outcome outcome = {.status = 503,
                                         .reason = "status",
                                         .message = "it answered with 503",
                                         .ended_ms = now_ms,
                                         .run_ms = 7};
    begin();
    play_expect(call_store_retry(play_store, number, &outcome, due_ms, counted, &err), 0, &err);
    commit();
}

struct call_record play_find(int64_t number)
{
    struct error err;
    struct call_record record;
    play_expect(call_store_find(play_store, NULL, number, &record, &err), 1, &err);
    return record;
}

void play_expect_state(int64_t number, enum call_state state)
{
    struct call_record record = play_find(number);
    assert_int_equal(record.state, state);
    call_record_clear(&record);
}

char *play_body_file(size_t size)
{
    struct error err;
    char name[17];
    ident_random(name, sizeof(name) - 1);
    char *path = xasprintf("%s/new-%s", call_store_body_dir(play_store), name);
    cleanup_free char *bytes = xcalloc(1, size);
    memset(bytes, 'b', size);
    play_expect(fs_write_file(path, bytes, size, 0600, &err), 0, &err);
    return path;
}

unsigned play_count_files(void)
{
    cleanup_free char *path = xasprintf("%s/bodies", play_dir);
    cleanup_dir DIR *dir = opendir(path);
    unsigned count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    return count;
}
