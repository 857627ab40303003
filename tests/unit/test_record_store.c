#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/store/record_store.h"
#include "prepare/store/state_dir.h"

#include <stdio.h>

#define INPUTS "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHERS "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What a job says of a function that is installed with this argument. */
#define JOB(argument)                                                                                        \
    "{\"ok\": true, \"diagnostics\": [{\"severity\": \"warning\", \"message\": \"w\", \"file\": \"main.x\"," \
    "\"line\": 3}, {\"severity\": \"note\", \"message\": \"n\", \"option\": \"o\"}], \"validated\": 1,"      \
    "\"package\": {\"digest\": \"" OTHERS "\", \"bytes\": 12, \"files\": 2},"                                \
    "\"dependencies\": {\"key\": \"k\", \"argv\": [\"get\", \"" argument "\"], \"environment\": [\"A=b\"]}," \
    "\"launch\": {\"concurrency\": 4, \"transport\": 1, \"port\": 0, \"runtime\": {\"z\": 1, \"a\": "        \
    "[true]},"                                                                                               \
    "\"command\": [\"run\", \"it\"], \"environment\": [\"X=y\", \"Z=\"]}}"

static const char job[] = JOB("it");

struct store_bench {
    struct bench bench;
    struct background *background;
    struct record_store *store;
    char *state;
};

static void open_store(struct store_bench *bench)
{
    struct error err;
    assert_int_equal(background_create(bench->bench.base, &bench->background, &err), 0);
    assert_int_equal(record_store_open(bench->state, bench->background, &bench->store, &err), 0);
}

/* What was to be written is, by whichever thread. */
static void close_store(struct store_bench *bench)
{
    background_destroy(bench->background);
    record_store_close(bench->store);
}

static int set_up(void **state)
{
    struct store_bench *bench = xcalloc(1, sizeof(*bench));
    bench_open(&bench->bench);
    bench->state = bench_path(&bench->bench, "state");
    open_store(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct store_bench *bench = *state;
    close_store(bench);
    free(bench->state);
    bench_close(&bench->bench);
    free(bench);
    return 0;
}

static struct build_result *parse_job(const char *text)
{
    const struct build_subject subject = {.function = "hello", .folder = "/f", .staged = "/s"};
    struct build_result *result;
    struct error err;
    json_t *json = json_loads(text, 0, NULL);
    assert_int_equal(build_result_parse(json, &subject, &result, &err), 0);
    json_decref(json);
    return result;
}

static void put_job(struct store_bench *bench, const char *function, const char *text)
{
    struct record record = {.inputs = INPUTS, .dependency_key = "key", .result = parse_job(text)};
    record_store_put(bench->store, function, &record);
    build_result_destroy(record.result);
    close_store(bench);
    open_store(bench);
}

static void put(struct store_bench *bench, const char *function)
{
    put_job(bench, function, job);
}

static void a_record_says_what_the_job_said(void **state)
{
    struct store_bench *bench = *state;
    struct record record;
    put(bench, "hello");
    assert_false(record_store_find(bench->store, "other", INPUTS, &record));
    assert_false(record_store_find(bench->store, "hello", OTHERS, &record));
    assert_false(record_store_find(bench->store, "hello", "", &record));
    assert_true(record_store_find(bench->store, "hello", INPUTS, &record));
    assert_string_equal(record.dependency_key, "key");
    assert_null(record.result->package.staged);
    struct build_result *told = parse_job(job);
    json_t *before = build_result_to_json(told), *after = build_result_to_json(record.result);
    assert_true(json_equal(before, after));
    assert_string_equal(record.result->launch->runtime, "{\"a\":[true],\"z\":1}");
    assert_string_equal(record.result->diagnostics.items[0].file, "/f/main.x");
    assert_string_equal(record.result->diagnostics.items[0].function, "hello");
    assert_string_equal(record.result->diagnostics.items[1].option, "o");
    json_decref(before);
    json_decref(after);
    build_result_destroy(told);
    record_clear(&record);
}

static void a_damaged_record_is_none(void **state)
{
    struct store_bench *bench = *state;
    struct record record;
    struct error err;
    put(bench, "hello");
    cleanup_free char *path = xasprintf("%s/prepared/hello", bench->state);
    cleanup_free char *text = NULL;
    size_t size;
    assert_int_equal(fs_read_file(path, 1 << 20, &text, &size, &err), 0);
    for (size_t length = 0; length < size; length++)
        assert_int_equal(record_parse(text, length, &record, &err), -1);
    for (size_t at = 0; at < size; at++) {
        text[at] ^= 1;
        assert_int_equal(record_parse(text, size, &record, &err), -1);
        text[at] ^= 1;
    }
    assert_int_equal(fs_write_file(path, text, size - 1, 0600, &err), 0);
    assert_false(record_store_find(bench->store, "hello", INPUTS, &record));
    put(bench, "hello");
    assert_true(record_store_find(bench->store, "hello", INPUTS, &record));
    record_clear(&record);
}

static bool is_hello(const void *context, const char *function)
{
    (void)context;
    return strcmp(function, "hello") == 0;
}

static void those_of_removed_functions_go(void **state)
{
    struct store_bench *bench = *state;
    struct record record;
    put(bench, "hello");
    put(bench, "gone");
    record_store_collect(bench->store, is_hello, NULL);
    assert_true(record_store_find(bench->store, "hello", INPUTS, &record));
    record_clear(&record);
    assert_false(record_store_find(bench->store, "gone", INPUTS, &record));
}

/* Nor is the one before left, which says something else by now. */
static void what_has_a_password_is_not_kept(void **state)
{
    struct store_bench *bench = *state;
    struct record record;
    put(bench, "hello");
    put_job(bench, "hello", JOB("https://me:hunter2@index.test/a"));
    assert_false(record_store_find(bench->store, "hello", INPUTS, &record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_says_what_the_job_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_a_password_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_of_removed_functions_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
