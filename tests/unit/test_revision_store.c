#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/store/revision_store.h"
#include "prepare/store/sealed_file.h"
#include "prepare/store/state_dir.h"

#include <stdio.h>

#define DIGEST(c)  c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define FIRST      DIGEST("a1")
#define SECOND     DIGEST("b2")
#define PACKAGE    DIGEST("c3")
#define DEPENDENCY DIGEST("d4")

static const char yaml[] =
    "hello: {version: 7, configuration: {language: acting, timeout: 3s, memory: 64Mi, cpus: 0.5,"
    " request_buffering: false, network: none, environment: {A: b, SECRET: s}}}\n";

struct store_bench {
    struct bench bench;
    struct background *background;
    struct revision_store *store;
    char *state, *code, *package;
    struct registry *registry;
};

static void open_store(struct store_bench *bench)
{
    struct error err;
    assert_int_equal(background_create(bench->bench.base, &bench->background, &err), 0);
    assert_int_equal(revision_store_open(bench->state, bench->background, &bench->store, &err), 0);
}

/* What was to be written is, by whichever thread. */
static void close_store(struct store_bench *bench)
{
    background_destroy(bench->background);
    revision_store_close(bench->store);
}

static void reopen(struct store_bench *bench)
{
    close_store(bench);
    open_store(bench);
}

/* In the function's folder and in its package. */
static void put_file(const struct store_bench *bench, const char *name, const char *text)
{
    cleanup_free char *own = xasprintf("functions/hello/%s", name);
    cleanup_free char *packed = xasprintf("package/%s", name);
    bench_file(&bench->bench, own, text, 0644);
    bench_file(&bench->bench, packed, text, 0644);
}

static int set_up(void **state)
{
    struct store_bench *bench = xcalloc(1, sizeof(*bench));
    bench_open(&bench->bench);
    bench->state = bench_path(&bench->bench, "state");
    bench->code = bench_path(&bench->bench, "functions/hello");
    bench->package = bench_path(&bench->bench, "package");
    put_file(bench, "main.x", "1");
    put_file(bench, "sub/more.x", "2");
    bench_file(&bench->bench, "package/made.x", "by the plugin", 0644);
    cleanup_free char *path = bench_path(&bench->bench, "r.yml");
    bench->registry = registry_parse(path, yaml, strlen(yaml), NULL, 0);
    assert_int_equal(bench->registry->function_count, 1);
    open_store(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct store_bench *bench = *state;
    close_store(bench);
    registry_destroy(bench->registry);
    free(bench->state);
    free(bench->code);
    free(bench->package);
    bench_close(&bench->bench);
    free(bench);
    return 0;
}

/* What a job says of how an instance is started with this environment. */
static struct build_launch *parse_launch(const char *assignment)
{
    struct build_launch *launch = NULL;
    json_t *json = json_pack("{s:i, s:i, s:i, s:{}, s:[s], s:[s]}", "concurrency", 4, "transport", 1, "port",
                             0, "runtime", "command", "run", "environment", assignment);
    assert_int_equal(build_launch_read(json, &launch), 0);
    json_decref(json);
    return launch;
}

static bool put_launch(struct store_bench *bench, const char *digest, uint64_t made_ms,
                       const char *assignment)
{
    struct revision_record record = {.package_digest = PACKAGE,
                                     .package_bytes = 2,
                                     .package_files = 2,
                                     .dependency_key = DEPENDENCY,
                                     .image = "image:1",
                                     .launch = parse_launch(assignment),
                                     .plugin_version = "1.2",
                                     .made_ms = made_ms,
                                     .settings = function_settings_keep(&bench->registry->functions[0])};
    memcpy(record.digest, digest, sizeof(record.digest));
    bool kept = revision_store_put(bench->store, "hello", &record, bench->package, bench->code);
    build_launch_destroy(record.launch);
    json_decref(record.settings);
    return kept;
}

static void put(struct store_bench *bench, const char *digest, uint64_t made_ms)
{
    assert_true(put_launch(bench, digest, made_ms, "A=b"));
}

static void save_both(struct store_bench *bench)
{
    struct revision_index index = {.inputs = DIGEST("e5")};
    put(bench, FIRST, 1000);
    put(bench, SECOND, 2000);
    for (unsigned i = 0; i < 2; i++) {
        struct kept_revision *item = revision_index_put_first(&index, i ? SECOND : FIRST, 1000 + i);
        memcpy(item->package_digest, PACKAGE, HASH_HEX_SIZE);
        item->requests = 10 + i;
    }
    revision_store_save(bench->store, "hello", &index);
    revision_index_clear(&index);
    reopen(bench);
}

static void a_revision_is_read_as_it_was_put(void **state)
{
    struct store_bench *bench = *state;
    struct revision_record record;
    struct error err;
    put(bench, FIRST, 1000);
    reopen(bench);
    assert_int_equal(revision_store_read(bench->store, "hello", FIRST, &record, &err), 0);
    assert_string_equal(record.digest, FIRST);
    assert_string_equal(record.package_digest, PACKAGE);
    assert_string_equal(record.dependency_key, DEPENDENCY);
    assert_string_equal(record.launch->command[0], "run");
    assert_int_equal(record.made_ms, 1000);
    assert_int_equal(json_object_size(record.files), 2);
    assert_non_null(json_object_get(record.files, "sub/more.x"));

    struct registry *registry;
    assert_int_equal(registry_of_kept("hello", record.settings, &registry, &err), 0);
    const struct function_settings *before = &bench->registry->functions[0], *after = &registry->functions[0];
    assert_int_equal(after->timeout_ms, 3000);
    json_t *one = function_settings_keep(before), *other = function_settings_keep(after);
    assert_true(json_equal(one, other));
    char digests[2][HASH_HEX_SIZE];
    for (unsigned i = 0; i < 2; i++) {
        struct hash *hash = hash_create();
        function_settings_hash(i ? after : before, CHANGE_REPLACES, hash);
        hash_finish(hash, digests[i]);
    }
    assert_string_equal(digests[0], digests[1]);
    json_decref(one);
    json_decref(other);
    registry_destroy(registry);
    revision_record_clear(&record);
}

static void what_differs_is_told(void **state)
{
    struct store_bench *bench = *state;
    struct revision_record records[2];
    struct error err;
    put(bench, FIRST, 1000);
    reopen(bench);
    put_file(bench, "main.x", "changed");
    put_file(bench, "new.x", "");
    free(bench->registry->functions[0].environment[0].value);
    bench->registry->functions[0].environment[0].value = xstrdup("c");
    bench->registry->functions[0].memory_bytes *= 2;
    put(bench, SECOND, 2000);
    reopen(bench);
    assert_int_equal(revision_store_read(bench->store, "hello", FIRST, &records[0], &err), 0);
    assert_int_equal(revision_store_read(bench->store, "hello", SECOND, &records[1], &err), 0);
    json_t *changes = revision_record_changes(&records[0], &records[1]);
    json_t *expected =
        json_pack("{s:{s:[s], s:[s], s:[]}, s:[ss], s:b, s:b}", "files", "added", "new.x", "changed",
                  "main.x", "removed", "settings", "memory", "environment.A", "dependencies", 0, "image", 0);
    assert_true(json_equal(changes, expected));
    json_decref(changes);
    json_decref(expected);
    revision_record_clear(&records[0]);
    revision_record_clear(&records[1]);
}

static void the_index_says_which_is_newest(void **state)
{
    struct store_bench *bench = *state;
    struct revision_index index;
    assert_false(revision_store_load(bench->store, "hello", &index));
    save_both(bench);
    assert_true(revision_store_load(bench->store, "hello", &index));
    assert_int_equal(index.count, 2);
    assert_string_equal(index.items[0].digest, SECOND);
    assert_int_equal(index.items[0].requests, 11);
    assert_string_equal(index.inputs, DIGEST("e5"));
    struct kept_revision *first = revision_index_put_first(&index, FIRST, 3000);
    assert_int_equal(first->requests, 10);
    assert_string_equal(index.items[1].digest, SECOND);
    revision_index_clear(&index);
}

static void without_its_index_the_records_say_it(void **state)
{
    struct store_bench *bench = *state;
    struct revision_index index;
    save_both(bench);
    cleanup_free char *path = xasprintf("%s/revisions/hello/index", bench->state);
    assert_int_equal(truncate(path, 100), 0);
    assert_true(revision_store_load(bench->store, "hello", &index));
    assert_int_equal(index.count, 2);
    assert_string_equal(index.items[0].digest, SECOND);
    assert_string_equal(index.items[0].package_digest, PACKAGE);
    assert_string_equal(index.items[0].dependency_key, DEPENDENCY);
    revision_index_clear(&index);
}

static void a_damaged_record_is_none(void **state)
{
    struct store_bench *bench = *state;
    struct revision_record record;
    struct error err;
    save_both(bench);
    cleanup_free char *path = xasprintf("%s/revisions/hello/" FIRST, bench->state);
    cleanup_free char *text = NULL;
    size_t size;
    json_t *json;
    assert_int_equal(fs_read_file(path, 1 << 20, &text, &size, &err), 0);
    for (size_t length = 0; length < size; length++)
        assert_int_equal(sealed_parse(text, length, &json, &err), -1);
    for (size_t at = 0; at < size; at++) {
        text[at] ^= 1;
        assert_int_equal(sealed_parse(text, size, &json, &err), -1);
        text[at] ^= 1;
    }
    assert_int_equal(sealed_parse(text, size, &json, &err), 0);
    json_decref(json);
    cleanup_free char *other = xasprintf("%s/revisions/hello/" SECOND, bench->state);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(revision_store_read(bench->store, "hello", SECOND, &record, &err), -1);
}

static void what_is_in_no_index_goes(void **state)
{
    struct store_bench *bench = *state;
    struct revision_index index;
    save_both(bench);
    cleanup_free char *stray = xasprintf("%s/revisions/hello/" PACKAGE, bench->state);
    cleanup_free char *half = xasprintf("%s/revisions/hello/index.0123abcd.tmp", bench->state);
    assert_int_equal(fs_write_file(stray, "x", 1, 0600, NULL), 0);
    assert_int_equal(fs_write_file(half, "x", 1, 0600, NULL), 0);
    assert_true(revision_store_load(bench->store, "hello", &index));
    assert_false(fs_exists(stray));
    assert_false(fs_exists(half));
    revision_store_drop(bench->store, "hello", FIRST);
    reopen(bench);
    cleanup_free char *dropped = xasprintf("%s/revisions/hello/" FIRST, bench->state);
    assert_false(fs_exists(dropped));
    revision_index_clear(&index);
}

static void what_starts_with_a_password_is_not_kept(void **state)
{
    struct store_bench *bench = *state;
    assert_false(put_launch(bench, FIRST, 1, "INDEX=https://me:hunter2@index.test/a"));
}

static void passwords_of_indexes_are_not_among_the_settings(void **state)
{
    struct store_bench *bench = *state;
    struct function_settings *settings = &bench->registry->functions[0];
    settings->options = xcalloc(1, sizeof(*settings->options));
    settings->options[settings->option_count++] =
        (struct text_pair){.name = xstrdup("extra_dependencies"),
                           .value = xstrdup("--index-url https://me:hunter2@index.test/a b")};
    put(bench, FIRST, 1);
    reopen(bench);
    cleanup_free char *path = xasprintf("%s/revisions/hello/" FIRST, bench->state);
    cleanup_free char *text = NULL;
    struct error err;
    assert_int_equal(fs_read_file(path, 1 << 20, &text, NULL, &err), 0);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "index.test/a b"));
}

static bool is_other(const void *context, const char *function)
{
    (void)context;
    return strcmp(function, "other") == 0;
}

static void those_of_removed_functions_go(void **state)
{
    struct store_bench *bench = *state;
    struct revision_index index;
    cleanup_free char *staging = xasprintf("%s/staging", bench->state);
    assert_int_equal(fs_make_dirs(staging, 0700, NULL), 0);
    save_both(bench);
    char **names = revision_store_functions(bench->store);
    assert_string_equal(names[0], "hello");
    assert_null(names[1]);
    texts_free(names);
    revision_store_collect(bench->store, is_other, NULL);
    assert_false(revision_store_load(bench->store, "hello", &index));
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_revision_is_read_as_it_was_put),
        STORE_TEST(what_differs_is_told),
        STORE_TEST(the_index_says_which_is_newest),
        STORE_TEST(without_its_index_the_records_say_it),
        STORE_TEST(a_damaged_record_is_none),
        STORE_TEST(what_is_in_no_index_goes),
        STORE_TEST(what_starts_with_a_password_is_not_kept),
        STORE_TEST(passwords_of_indexes_are_not_among_the_settings),
        STORE_TEST(those_of_removed_functions_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
