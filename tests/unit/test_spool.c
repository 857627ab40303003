/* Bodies as they come: in memory while they are few bytes, else in a file. */
#include "calls/spool.h"
#include "own_folder.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static void few_bytes_stay_in_memory(void **state)
{
    struct folder *folder = *state;
    struct spool_room room = {.dir = folder->path};
    struct spool spool;
    struct error err;
    spool_init(&spool, &room);
    assert_int_equal(spool_body(&spool).size, 0);
    assert_int_equal(spool_add(&spool, "", 0, &err), 0);
    assert_int_equal(spool_add(&spool, "ab", 2, &err), 0);
    assert_int_equal(spool_add(&spool, "cd", 2, &err), 0);
    struct call_body body = spool_body(&spool);
    assert_null(body.file);
    assert_int_equal(body.size, 4);
    assert_memory_equal(body.bytes, "abcd", 4);
    assert_int_equal(room.bytes, 0);
    spool_clear(&spool);
    assert_int_equal(spool_body(&spool).size, 0);
}

static void fill(struct spool *spool, size_t size)
{
    static const char piece[1000] = {'x'};
    struct error err;
    for (; size > 0; size -= size < sizeof(piece) ? size : sizeof(piece))
        assert_int_equal(spool_add(spool, piece, size < sizeof(piece) ? size : sizeof(piece), &err), 0);
}

static void more_bytes_go_to_a_file_that_goes_with_the_spool(void **state)
{
    struct folder *folder = *state;
    struct spool_room room = {.dir = folder->path};
    struct spool spool, other;
    struct error err;
    spool_init(&spool, &room);
    spool_init(&other, &room);
    fill(&spool, CALL_INLINE_BYTES);
    assert_null(spool_body(&spool).file);
    assert_int_equal(spool_add(&spool, "end", 3, &err), 0);
    struct call_body body = spool_body(&spool);
    assert_null(body.bytes);
    assert_int_equal(body.size, CALL_INLINE_BYTES + 3);
    assert_int_equal(room.bytes, body.size);
    fill(&other, CALL_INLINE_BYTES + 1);
    assert_string_not_equal(spool_body(&other).file, body.file);
    char *text;
    size_t size;
    assert_int_equal(fs_read_file(body.file, 1 << 20, &text, &size, &err), 0);
    assert_int_equal(size, body.size);
    assert_string_equal(text + CALL_INLINE_BYTES, "end");
    free(text);
    char *path = xstrdup(body.file);
    spool_clear(&spool);
    assert_false(fs_exists(path));
    assert_int_equal(room.bytes, CALL_INLINE_BYTES + 1);
    free(path);
    spool_clear(&other);
    assert_int_equal(room.bytes, 0);
}

static void a_file_that_was_taken_over_stays(void **state)
{
    struct folder *folder = *state;
    struct spool_room room = {.dir = folder->path};
    struct spool spool;
    spool_init(&spool, &room);
    fill(&spool, CALL_INLINE_BYTES + 1);
    assert_int_equal(rename(spool_body(&spool).file, folder->file), 0);
    spool_clear(&spool);
    assert_true(fs_exists(folder->file));
    assert_int_equal(room.bytes, 0);
}

static void what_cannot_be_written_is_an_error_and_leaves_what_there_was(void **state)
{
    (void)state;
    struct spool_room room = {.dir = "/nonexistent"};
    struct spool spool;
    struct error err;
    spool_init(&spool, &room);
    fill(&spool, CALL_INLINE_BYTES);
    assert_int_equal(spool_add(&spool, "x", 1, &err), -1);
    assert_int_equal(err.code, ERROR_CALLS_STORE);
    struct call_body body = spool_body(&spool);
    assert_null(body.file);
    assert_non_null(body.bytes);
    assert_int_equal(body.size, CALL_INLINE_BYTES);
    spool_clear(&spool);
    assert_int_equal(room.bytes, 0);
}

static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The limit lets a part of the last bytes through, as a disk that is nearly full does. */
static void file_that_cannot_grow_has_what_was_added_before(void **state)
{
    struct folder *folder = *state;
    struct spool_room room = {.dir = folder->path};
    struct spool spool;
    struct error err;
    char *text;
    size_t size;
    signal(SIGXFSZ, SIG_IGN);
    spool_init(&spool, &room);
    fill(&spool, CALL_INLINE_BYTES + 10);
    limit_files(CALL_INLINE_BYTES + 12);
    int rc = spool_add(&spool, "more", 4, &err);
    limit_files(RLIM_INFINITY);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, ERROR_CALLS_DISK_FULL);
    struct call_body body = spool_body(&spool);
    assert_int_equal(body.size, CALL_INLINE_BYTES + 10);
    assert_int_equal(fs_read_file(body.file, 1 << 20, &text, &size, &err), 0);
    assert_int_equal(size, body.size);
    free(text);
    spool_clear(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(few_bytes_stay_in_memory),
        FOLDER_TEST(more_bytes_go_to_a_file_that_goes_with_the_spool),
        FOLDER_TEST(a_file_that_was_taken_over_stays),
        FOLDER_TEST(what_cannot_be_written_is_an_error_and_leaves_what_there_was),
        FOLDER_TEST(file_that_cannot_grow_has_what_was_added_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
