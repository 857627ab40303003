/* What of the store of calls outlives a cut of the power: the disk is played by the sync calls of this
 * program. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_check.h"
#include "store/call_id.h"
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOCK       4096
#define STEPS       500
#define CALLS_MAX   400
#define LARGE       (CALL_INLINE_BYTES + 1)
#define FILES_MAX   1024
#define WAITING_BIT (1u << CALL_WAITING)
#define GONE_BIT    (1u << CALL_STATE_COUNT)

/* One of so many, the same ones each time. */
static unsigned pick(unsigned count)
{
    static unsigned short state[3] = {2, 0, 26};
    return (unsigned)nrand48(state) % count;
}

/* --- the disk --- */

/* The content of a file when it was synced last. */
struct content {
    ino_t inode;
    char *bytes;
    size_t size;
};

/* A name that a folder had when it was synced last. */
struct name {
    char folder[16]; /* "" or "bodies" */
    char name[64];
    ino_t inode;
};

static struct content contents[FILES_MAX];
static struct name names[FILES_MAX];
static unsigned content_count, name_count;
static unsigned sync_count, failing_syncs;

static void forget_disk(void)
{
    for (unsigned i = 0; i < content_count; i++)
        free(contents[i].bytes);
    content_count = name_count = sync_count = failing_syncs = 0;
}

static struct content *find_content(ino_t inode)
{
    for (unsigned i = 0; i < content_count; i++)
        if (contents[i].inode == inode)
            return &contents[i];
    return NULL;
}

static void keep_content(int fd, ino_t inode, size_t size)
{
    struct content *content = find_content(inode);
    if (!content) {
        assert_true(content_count < FILES_MAX);
        content = &contents[content_count++];
        *content = (struct content){.inode = inode};
    }
    free(content->bytes);
    content->bytes = xmalloc(size + 1);
    ssize_t got = pread(fd, content->bytes, size, 0);
    content->size = got > 0 ? (size_t)got : 0;
}

static void keep_names(const char *path, const char *folder)
{
    cleanup_dir DIR *dir = opendir(path);
    unsigned kept = 0;
    for (unsigned i = 0; i < name_count; i++)
        if (strcmp(names[i].folder, folder) != 0)
            names[kept++] = names[i];
    name_count = kept;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_type != DT_REG)
            continue;
        assert_true(name_count < FILES_MAX);
        struct name *name = &names[name_count++];
        name->inode = entry->d_ino;
        snprintf(name->folder, sizeof(name->folder), "%s", folder);
        snprintf(name->name, sizeof(name->name), "%.63s", entry->d_name);
    }
}

static int play_sync(int fd)
{
    char link[64], path[256];
    struct stat status;
    size_t length = strlen(play_dir);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, sizeof(path) - 1);
    if (got < 0 || fstat(fd, &status) < 0 || length == 0)
        return 0;
    path[got] = '\0';
    if (strncmp(path, play_dir, length) != 0)
        return 0;
    sync_count++;
    if (failing_syncs > 0) {
        failing_syncs--;
        errno = EIO;
        return -1;
    }
    if (S_ISDIR(status.st_mode))
        keep_names(path, path[length] == '/' ? path + length + 1 : "");
    else
        keep_content(fd, status.st_ino, (size_t)status.st_size);
    return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return play_sync(fd);
}

__attribute__((visibility("default"))) int fdatasync(int __fildes)
{
    return play_sync(__fildes);
}

/* --- the cut --- */

/* Blocks that were written since the last sync are on the disk or are not, each for itself. */
static void mix_blocks(const char *current, char **bytes, size_t *size)
{
    cleanup_free char *newer = NULL;
    struct error err;
    size_t newer_size;
    if (fs_read_file(current, SIZE_MAX, &newer, &newer_size, &err) < 0)
        return;
    size_t mixed_size = newer_size > *size && pick(2) ? newer_size : *size;
    *bytes = xrealloc(*bytes, mixed_size + 1);
    memset(*bytes + *size, 0, mixed_size > *size ? mixed_size - *size : 0);
    for (size_t at = 0; at < mixed_size && at < newer_size; at += BLOCK) {
        size_t end = at + BLOCK < mixed_size ? at + BLOCK : mixed_size;
        end = end < newer_size ? end : newer_size;
        if (pick(2))
            memcpy(*bytes + at, newer + at, end - at);
    }
    *size = mixed_size;
}

/* A name that was removed since is there still, or is not. */
static void write_name(const char *to, const struct name *name)
{
    const struct content *content = find_content(name->inode);
    size_t size = content ? content->size : 0;
    cleanup_free char *bytes = xmalloc(size + 1);
    cleanup_free char *current = xasprintf("%s/%s/%s", play_dir, name->folder, name->name);
    cleanup_free char *path = xasprintf("%s/%s/%s", to, name->folder, name->name);
    struct stat status;
    struct error err;
    bool is_there = stat(current, &status) == 0 && status.st_ino == name->inode;
    if (!is_there && pick(2))
        return;
    if (size > 0)
        memcpy(bytes, content->bytes, size);
    if (is_there)
        mix_blocks(current, &bytes, &size);
    play_expect(fs_write_file(path, bytes, size, 0600, &err), 0, &err);
}

/* What is on the disk after a cut now, as a folder. */
static void cut_power(char *to)
{
    char bodies[80];
    assert_non_null(mkdtemp(to));
    snprintf(bodies, sizeof(bodies), "%s/bodies", to);
    assert_int_equal(mkdir(bodies, 0700), 0);
    for (unsigned i = 0; i < name_count; i++)
        write_name(to, &names[i]);
}

/* --- what is done meanwhile --- */

/* A call and the states, as bits, that it may have after a cut. */
static struct {
    int64_t number;
    enum call_state state;
    bool is_gone;
    unsigned possible;
} calls[CALLS_MAX];

static unsigned call_count;

/* A transaction with one change, durable or not. */
static bool begin_change(void)
{
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    return pick(3) > 0;
}

static void note_all_durable(void)
{
    for (unsigned i = 0; i < call_count; i++)
        calls[i].possible = calls[i].is_gone ? GONE_BIT : 1u << calls[i].state;
}

static void commit_change(bool durable)
{
    struct error err;
    play_expect(call_store_commit(play_store, durable, &err), 0, &err);
    if (durable)
        note_all_durable();
}

static void change_state(unsigned i, enum call_state state)
{
    calls[i].state = state;
    calls[i].possible |= 1u << state;
}

static void put_some(void)
{
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    bool is_large = pick(3) == 0;
    cleanup_free char *file = is_large ? play_body_file(LARGE) : NULL;
    if (call_count == CALLS_MAX)
        return;
    call_id_make(NOW, id);
    const struct call_new call = {
        .id = id,
        .function = pick(2) ? "f" : "g",
        .method = "POST",
        .target = "",
        .head = "",
        .body = {.file = file, .bytes = file ? NULL : "small", .size = file ? LARGE : 5},
        .accepted_ms = NOW,
        .due_ms = NOW};
    bool durable = begin_change();
    unsigned i = call_count++;
    play_expect(call_store_put(play_store, &call, &calls[i].number, &err), 0, &err);
    calls[i].state = CALL_WAITING;
    calls[i].is_gone = false;
    calls[i].possible = GONE_BIT | WAITING_BIT;
    commit_change(durable);
}

static void begin_attempt(unsigned i)
{
    struct error err;
    bool durable = begin_change();
    play_expect(call_store_begin_attempt(play_store, calls[i].number, NULL, NOW, &err), 0, &err);
    change_state(i, CALL_RUNNING);
    commit_change(durable);
}

static void end_attempt(unsigned i)
{
    struct error err;
    cleanup_free char *file = pick(2) ? play_body_file(LARGE) : NULL;
    const struct call_outcome outcome = {
        .status = 200,
        .ended_ms = NOW,
        .result_head = "",
        .result = {.file = file, .bytes = file ? NULL : "small", .size = file ? LARGE : 5}};
    enum call_state state = pick(2) ? CALL_DONE : CALL_DEAD;
    bool durable = begin_change();
    play_expect(call_store_end(play_store, calls[i].number, state, &outcome, 0, &err), 1, &err);
    change_state(i, state);
    commit_change(durable);
}

static void retry_attempt(unsigned i)
{
    struct error err;
    const struct call_outcome outcome = {.status = 503, .ended_ms = NOW};
    bool durable = begin_change();
    play_expect(call_store_retry(play_store, calls[i].number, &outcome, NOW, pick(2), &err), 0, &err);
    change_state(i, CALL_WAITING);
    commit_change(durable);
}

static void use_dead(unsigned i)
{
    struct error err;
    int64_t count;
    bool durable = begin_change();
    if (pick(2)) {
        play_expect(call_store_redrive(play_store, calls[i].number, NULL, NOW, &count, &err), 0, &err);
        change_state(i, CALL_WAITING);
    } else {
        play_expect(call_store_drop(play_store, calls[i].number, NULL, &count, &err), 0, &err);
        calls[i].is_gone = true;
        calls[i].possible |= GONE_BIT;
    }
    commit_change(durable);
}

static void do_something(void)
{
    unsigned i = call_count > 0 ? pick(call_count) : 0;
    if (call_count == 0 || pick(3) == 0)
        put_some();
    else if (calls[i].is_gone)
        return;
    else if (calls[i].state == CALL_WAITING)
        begin_attempt(i);
    else if (calls[i].state == CALL_RUNNING && pick(2))
        end_attempt(i);
    else if (calls[i].state == CALL_RUNNING)
        retry_attempt(i);
    else if (calls[i].state == CALL_DEAD)
        use_dead(i);
}

static void expect_file(const char *path, uint64_t size)
{
    struct stat status;
    if (path && (stat(path, &status) < 0 || (uint64_t)status.st_size != size))
        fail_msg("%s is not as it was", path);
}

static void expect_call(struct call_store *store, unsigned i)
{
    struct error err;
    struct call_record record = {0};
    int found = call_store_find(store, NULL, calls[i].number, &record, &err);
    play_expect(found < 0, 0, &err);
    unsigned possible = calls[i].possible;
    /* One that was running waits again. */
    possible |= possible & (1u << CALL_RUNNING) ? WAITING_BIT : 0;
    unsigned bit = found ? 1u << record.state : GONE_BIT;
    if (!(possible & bit))
        fail_msg("call %lld has the state %u, and not one of %x", (long long)calls[i].number, bit, possible);
    expect_file(record.body_file, record.body_size);
    expect_file(record.result_file, record.result_size);
    call_record_clear(&record);
}

static void expect_all_after_cut(void)
{
    char to[] = "/tmp/berth-cut-XXXXXX";
    struct error err;
    struct call_store *store;
    unsigned repeated;
    char **lines;
    cut_power(to);
    play_expect(call_store_open(to, NOW, &store, &repeated, &err), 0, &err);
    for (unsigned i = 0; i < call_count; i++)
        expect_call(store, i);
    play_expect(call_store_check(to, &lines, &err), 0, &err);
    if (lines[0])
        fail_msg("%s", lines[0]);
    texts_free(lines);
    call_store_close(store);
    play_expect(fs_remove_tree(to, &err), 0, &err);
}

static void cut_takes_nothing_that_was_durable(void **state)
{
    (void)state;
    struct error err;
    call_count = 0;
    play_expect(sql_run(play_store->sql, "PRAGMA wal_autocheckpoint = 24", &err), 0, &err);
    for (int step = 0; step < STEPS; step++) {
        do_something();
        expect_all_after_cut();
    }
}

/* --- syncs --- */

/* Such as somebody's look at what there is. */
static void commit_nothing(void)
{
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
}

static void one_sync_serves_all_of_a_transaction(void **state)
{
    (void)state;
    struct error err;
    play_put("f", NOW, NOW, "1");
    unsigned before = sync_count;
    play_put_many("f", 100);
    assert_int_equal(sync_count, before + 1);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_begin_attempt(play_store, 1, NULL, NOW, &err), 0, &err);
    play_expect(call_store_commit(play_store, false, &err), 0, &err);
    assert_int_equal(sync_count, before + 1);
}

static void what_is_on_disk_is_not_waited_for(void **state)
{
    (void)state;
    struct error err;
    play_put("f", NOW, NOW, "1");
    unsigned before = sync_count;
    commit_nothing();
    assert_int_equal(sync_count, before);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_begin_attempt(play_store, 1, NULL, NOW, &err), 0, &err);
    play_expect(call_store_commit(play_store, false, &err), 0, &err);
    commit_nothing();
    assert_int_equal(sync_count, before + 1);
}

static void log_that_cannot_be_synced_is_written_to_the_file(void **state)
{
    (void)state;
    failing_syncs = 1;
    play_put("f", NOW, NOW, "1");
    assert_int_equal(failing_syncs, 0);
    play_put("f", NOW, NOW, "2");
}

static void disk_that_confirms_nothing_is_an_error(void **state)
{
    (void)state;
    struct error err;
    play_put("f", NOW, NOW, "1");
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_begin_attempt(play_store, 1, NULL, NOW, &err), 0, &err);
    failing_syncs = 100;
    assert_int_equal(call_store_commit(play_store, true, &err), -1);
    assert_int_equal(err.code, ERROR_CALLS_STORE);
    failing_syncs = 0;
    assert_true(play_put("f", NOW, NOW, "1") > 0);
}

static void body_that_cannot_be_synced_is_not_accepted(void **state)
{
    (void)state;
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    int64_t number;
    cleanup_free char *file = play_body_file(LARGE);
    call_id_make(NOW, id);
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.file = file, .size = LARGE},
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    failing_syncs = 1;
    assert_int_equal(call_store_commit(play_store, true, &err), -1);
    assert_int_equal(err.code, ERROR_CALLS_STORE);
    assert_true(fs_exists(file));
    struct call_record record;
    play_expect(call_store_find(play_store, id, 0, &record, &err), 0, &err);
}

static int end(void **state)
{
    int rc = play_end(state);
    forget_disk();
    return rc;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, play_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cut_takes_nothing_that_was_durable),     TEST(one_sync_serves_all_of_a_transaction),
        TEST(what_is_on_disk_is_not_waited_for),      TEST(log_that_cannot_be_synced_is_written_to_the_file),
        TEST(disk_that_confirms_nothing_is_an_error), TEST(body_that_cannot_be_synced_is_not_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
