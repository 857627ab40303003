/* Databases of calls that are damaged: set aside, and saved as far as they can be read. */
#include "call_store_play.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_check.h"
#include "store/call_id.h"
#include "store/call_salvage.h"
#include "store/call_schema.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE  4096
#define LARGE (CALL_INLINE_BYTES + 1)
#define MANY  300

static char *path_of(const char *name)
{
    return xasprintf("%s/%s", play_dir, name);
}

static bool has(const char *name)
{
    cleanup_free char *path = path_of(name);
    return fs_exists(path);
}

/* Whether a folder `damaged-...` has this. */
static bool has_aside(const char *name)
{
    cleanup_dir DIR *dir = opendir(play_dir);
    bool found = false;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        cleanup_free char *path = xasprintf("%s/%s/%s", play_dir, entry->d_name, name);
        found = found || (strncmp(entry->d_name, "damaged-", 8) == 0 && fs_exists(path));
    }
    return found;
}

static void close_store(void)
{
    call_store_close(play_store);
    play_store = NULL;
}

static void overwrite(const char *name, off_t at, size_t size)
{
    cleanup_free char *path = path_of(name), *bytes = xcalloc(1, size);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    memset(bytes, 0xa5, size);
    assert_int_equal(pwrite(fd, bytes, size, at), size);
}

static off_t size_of(const char *name)
{
    cleanup_free char *path = path_of(name);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static int64_t count_calls(void)
{
    struct call_sums sums;
    int64_t count = 0;
    call_store_sums(play_store, &sums);
    for (int state = 0; state < CALL_STATE_COUNT; state++)
        count += sums.by_state[state];
    return count;
}

static void expect_sound(void)
{
    struct error err;
    char **lines;
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    if (lines[0])
        fail_msg("%s", lines[0]);
    texts_free(lines);
}

static int64_t put_large(void)
{
    struct error err;
    char id[CALL_ID_DIGITS + 1];
    int64_t number = 0;
    cleanup_free char *body = play_body_file(LARGE);
    call_id_make(NOW, id);
    const struct call_new call = {.id = id,
                                  .function = "f",
                                  .method = "POST",
                                  .target = "",
                                  .head = "",
                                  .body = {.file = body, .size = LARGE},
                                  .accepted_ms = NOW,
                                  .due_ms = NOW};
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_put(play_store, &call, &number, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    return number;
}

static void what_is_no_database_is_set_aside(void **state)
{
    (void)state;
    play_put("f", NOW, NOW, "1");
    close_store();
    overwrite("calls.db", 0, PAGE);
    play_open_again();
    assert_int_equal(count_calls(), 0);
    assert_true(has_aside("calls.db"));
    assert_true(play_put("f", NOW, NOW, "2") > 0);
    expect_sound();
}

static void cut_off_database_is_saved_as_far_as_it_goes(void **state)
{
    (void)state;
    play_put_many("f", MANY);
    close_store();
    cleanup_free char *path = path_of("calls.db");
    assert_int_equal(truncate(path, size_of("calls.db") / 2), 0);
    play_open_again();
    assert_true(has_aside("calls.db"));
    expect_sound();
}

/* Whatever page it is: what is in the others is saved. */
static void broken_page_costs_what_was_in_it(void **state)
{
    (void)state;
    play_put_many("f", MANY);
    close_store();
    cleanup_free char *path = path_of("calls.db"), *sound = NULL;
    struct error err;
    size_t size;
    int64_t saved = 0, pages = 0;
    play_expect(fs_read_file(path, SIZE_MAX, &sound, &size, &err), 0, &err);
    for (off_t at = PAGE; at < (off_t)size; at += PAGE) {
        play_expect(fs_write_file(path, sound, size, 0600, &err), 0, &err);
        overwrite("calls.db", at, PAGE);
        call_salvage_mark(play_dir);
        play_open_again();
        expect_sound();
        assert_false(has("damaged"));
        saved += count_calls();
        pages++;
        close_store();
    }
    assert_true(saved > pages * MANY * 8 / 10);
}

static void damage_that_is_met_in_use_is_mended_at_the_next_start(void **state)
{
    (void)state;
    struct error err = {0};
    play_put_many("f", MANY);
    close_store();
    for (off_t at = 8 * PAGE; at < size_of("calls.db"); at += PAGE)
        overwrite("calls.db", at, PAGE);
    cleanup_free char *mark = path_of("damaged");
    unsigned repeated;
    if (call_store_open(play_dir, NOW, &play_store, &repeated, &err) == 0) {
        for (int64_t number = 1; number <= MANY && err.code == ERROR_NONE; number++) {
            struct call_record record = {0};
            play_expect(call_store_begin(play_store, &err), 0, &err);
            call_store_find(play_store, NULL, number, &record, &err);
            call_store_roll_back(play_store);
            call_record_clear(&record);
        }
    }
    if (!has_aside("calls.db")) {
        assert_int_equal(err.code, ERROR_CALLS_DAMAGED);
        assert_true(fs_exists(mark));
        play_open_again();
    }
    assert_true(has_aside("calls.db"));
    expect_sound();
}

static void damage_that_a_check_finds_is_mended_at_the_next_start(void **state)
{
    (void)state;
    struct error err;
    char **lines;
    play_put_many("f", MANY);
    play_expect(sql_fold(play_store->sql, &err), 0, &err);
    overwrite("calls.db", size_of("calls.db") / PAGE / 2 * PAGE, PAGE);
    play_expect(call_store_check(play_dir, &lines, &err), 0, &err);
    assert_non_null(lines[0]);
    for (size_t i = 0; lines[i]; i++)
        assert_true(*lines[i] != '*' && *lines[i] && !strchr(lines[i], '\n'));
    texts_free(lines);
    assert_true(has("damaged"));
    play_open_again();
    assert_true(has_aside("calls.db"));
    expect_sound();
}

/* Has one of ours changed by another hand, and what its reader says then. */
static void expect_damage(const char *change, int (*read)(struct call_record *ret_record, struct error *err))
{
    struct call_record record = {0};
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(sql_run(play_store->sql, change, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(read(&record, &err), -1, &err);
    assert_int_equal(err.code, ERROR_CALLS_DAMAGED);
    call_store_roll_back(play_store);
    assert_true(has("damaged"));
    play_open_again();
    assert_true(has_aside("calls.db"));
    expect_sound();
}

static int read_first(struct call_record *ret_record, struct error *err)
{
    return call_store_find(play_store, NULL, 1, ret_record, err);
}

static int read_next(struct call_record *ret_record, struct error *err)
{
    return call_store_next(play_store, "f", NOW, A_WAIT_MS, ret_record, err);
}

static int read_result(struct call_record *ret_record, struct error *err)
{
    struct call_record first = play_find(1);
    int rc = call_store_find_result(play_store, first.id, ret_record, err);
    call_record_clear(&first);
    return rc;
}

static void state_that_is_none_is_damage(void **state)
{
    (void)state;
    play_put("f", NOW, NOW, "1");
    expect_damage("UPDATE calls SET state = 99", read_first);
    play_expect_state(1, CALL_DEAD);
}

static void body_of_another_size_is_damage(void **state)
{
    (void)state;
    play_put("f", NOW, NOW, "1");
    expect_damage("UPDATE calls SET body_size = 100000", read_next);
    play_expect_state(1, CALL_DEAD);
}

static void counts_that_are_none_are_mended_at_the_next_start(void **state)
{
    (void)state;
    struct error err;
    play_put("f", NOW, NOW, "1");
    play_expect(sql_run(play_store->sql, "UPDATE call_counts SET waiting = -9223372036854775807", &err), 0,
                &err);
    play_open_again();
    assert_true(has_aside("calls.db"));
    assert_int_equal(count_calls(), 1);
    expect_sound();
}

static void result_of_another_size_is_damage(void **state)
{
    (void)state;
    play_put("f", NOW, NOW, "1");
    play_end_call(play_take("f", NOW), CALL_DONE, "a result", NOW + 1);
    expect_damage("UPDATE calls SET result_size = 100000", read_result);
    struct call_record record = {0};
    struct error err;
    play_expect(read_result(&record, &err), 1, &err);
    assert_string_equal(record.result, "a result");
    assert_int_equal(record.result_size, strlen("a result"));
    call_record_clear(&record);
}

static void empty_database_beside_bodies_is_no_new_one(void **state)
{
    (void)state;
    int64_t number = put_large();
    close_store();
    cleanup_free char *path = path_of("calls.db"),
                      *body = xasprintf("bodies/%lld.request", (long long)number);
    assert_int_equal(truncate(path, 0), 0);
    play_open_again();
    assert_false(has(body));
    assert_true(has_aside(body));
    assert_true(put_large() > number);
}

static void missing_database_beside_bodies_is_no_new_one(void **state)
{
    (void)state;
    int64_t number = put_large();
    close_store();
    cleanup_free char *path = path_of("calls.db"),
                      *body = xasprintf("bodies/%lld.request", (long long)number);
    assert_int_equal(unlink(path), 0);
    play_open_again();
    assert_true(has_aside(body));
    assert_int_equal(play_count_files(), 0);
}

static void bodies_stay_with_calls_that_are_saved(void **state)
{
    (void)state;
    int64_t kept = put_large(), bodiless = put_large();
    struct call_record record = play_find(bodiless);
    assert_int_equal(unlink(record.body_file), 0);
    call_record_clear(&record);
    close_store();
    call_salvage_mark(play_dir);
    play_open_again();
    expect_sound();
    record = play_find(kept);
    assert_int_equal(record.state, CALL_WAITING);
    assert_true(fs_exists(record.body_file));
    call_record_clear(&record);
    record = play_find(bodiless);
    assert_int_equal(record.state, CALL_DEAD);
    assert_string_equal(record.reason, "damaged");
    call_record_clear(&record);
    int64_t count = -1;
    struct error err;
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(call_store_redrive(play_store, 0, NULL, NOW, &count, &err), 0, &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    assert_int_equal(count, 0);
}

static void files_that_no_call_names_go(void **state)
{
    (void)state;
    put_large();
    free(play_body_file(10));
    overwrite("bodies/999.request", 0, 10);
    overwrite("bodies/1.result", 0, 10);
    assert_int_equal(play_count_files(), 4);
    play_open_again();
    assert_int_equal(play_count_files(), 1);
}

static void replacement_that_was_whole_takes_its_place(void **state)
{
    (void)state;
    cleanup_free char *database = path_of("calls.db"), *whole = path_of("calls.db.new");
    int64_t number = play_put("f", NOW, NOW, "1");
    close_store();
    assert_int_equal(rename(database, whole), 0);
    overwrite("calls.db", 0, PAGE);
    overwrite("calls.db-wal", 0, PAGE);
    play_open_again();
    play_expect_state(number, CALL_WAITING);
    assert_false(has_aside("calls.db"));
}

static void later_version_is_left_as_it_is(void **state)
{
    (void)state;
    struct error err;
    unsigned repeated;
    struct call_store *store;
    play_put("f", NOW, NOW, "1");
    play_expect(sql_run(play_store->sql, "PRAGMA user_version = 9999", &err), 0, &err);
    close_store();
    assert_int_equal(call_store_open(play_dir, NOW, &store, &repeated, &err), -1);
    assert_int_equal(err.code, ERROR_CALLS_STORE);
    assert_non_null(strstr(err.message, "9999"));
    assert_false(has_aside("calls.db"));
}

/* What a database's tables are, as one text. */
static char *describe(struct sql *sql)
{
    sqlite3_stmt *row;
    struct error err;
    char *text = NULL;
    int rc = sql_first(
        sql, "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema ORDER BY name)",
        SQL_VALUES(), &row, &err);
    play_expect(rc, 1, &err);
    text = sql_copy(row, 0, NULL);
    sql_end(row);
    return text;
}

static void each_version_leads_to_the_newest(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *newest = describe(play_store->sql);
    int64_t count = 0;
    play_expect(sql_number(play_store->sql, "PRAGMA user_version", SQL_VALUES(), &count, &err), 0, &err);
    for (int64_t version = 0; version <= count; version++) {
        cleanup_free char *path = xasprintf("%s/version-%lld.db", play_dir, (long long)version);
        struct sql *sql;
        play_expect(sql_open(path, &sql, &err), 0, &err);
        play_expect(call_schema_apply_some(sql, version, &err), 0, &err);
        play_expect(call_schema_apply(sql, &err), 0, &err);
        cleanup_free char *text = describe(sql);
        assert_string_equal(text, newest);
        sql_close(sql);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, play_begin, play_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_database_is_set_aside),
        TEST(cut_off_database_is_saved_as_far_as_it_goes),
        TEST(broken_page_costs_what_was_in_it),
        TEST(damage_that_is_met_in_use_is_mended_at_the_next_start),
        TEST(damage_that_a_check_finds_is_mended_at_the_next_start),
        TEST(state_that_is_none_is_damage),
        TEST(body_of_another_size_is_damage),
        TEST(counts_that_are_none_are_mended_at_the_next_start),
        TEST(result_of_another_size_is_damage),
        TEST(empty_database_beside_bodies_is_no_new_one),
        TEST(missing_database_beside_bodies_is_no_new_one),
        TEST(bodies_stay_with_calls_that_are_saved),
        TEST(files_that_no_call_names_go),
        TEST(replacement_that_was_whole_takes_its_place),
        TEST(later_version_is_left_as_it_is),
        TEST(each_version_leads_to_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
