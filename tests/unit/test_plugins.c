#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/plugins.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct plugins_bench {
    struct bench bench;
    struct build_jobs *jobs;
    struct plugins *plugins;
    unsigned scans;
    bool changed;
};

static void open_plugins(struct plugins_bench *bench)
{
    struct error err;
    *bench = (struct plugins_bench){0};
    bench_open(&bench->bench);
    const struct build_jobs_options options = {.program = BUILD_JOB_PROGRAM, .staging_dir = bench->bench.dir};
    assert_int_equal(build_jobs_create(bench->bench.base, &options, &bench->jobs, &err), 0);
    assert_int_equal(plugins_create(bench->jobs, bench->bench.dir, &bench->plugins, &err), 0);
}

static void close_plugins(struct plugins_bench *bench)
{
    plugins_destroy(bench->plugins);
    build_jobs_destroy(bench->jobs);
    bench_close(&bench->bench);
}

/* Puts a copy of a test plugin into the folder, under a new name, or over an old one. */
static void install(const struct plugins_bench *bench, const char *plugin, const char *name)
{
    cleanup_free char *from = xasprintf(TEST_PLUGIN_DIR "/%s.so", plugin);
    cleanup_free char *to = bench_path(&bench->bench, name);
    cleanup_free char *bytes = NULL;
    size_t size;
    assert_int_equal(fs_read_file(from, 64 << 20, &bytes, &size, NULL), 0);
    assert_int_equal(fs_write_file(to, bytes, size, 0755, NULL), 0);
}

static void on_scanned(void *context, bool changed)
{
    struct plugins_bench *bench = context;
    bench->scans++;
    bench->changed = changed;
}

static void scan(struct plugins_bench *bench)
{
    unsigned before = bench->scans;
    struct error err;
    assert_int_equal(plugins_scan(bench->plugins, on_scanned, bench, &err), 0);
    assert_int_equal(bench->scans, before);
    bench_wait(&bench->bench, &bench->scans, before + 1);
}

static void test_scan(void **state)
{
    (void)state;
    struct plugins_bench bench;
    size_t count;
    open_plugins(&bench);
    scan(&bench);
    assert_false(bench.changed);
    plugins_list(bench.plugins, &count);
    assert_int_equal(count, 0);

    install(&bench, "acting", "b.so");
    install(&bench, "described", "c.so");
    install(&bench, "wrong-major", "d.so");
    install(&bench, "acting", "not-a-plugin.txt");
    bench_file(&bench.bench, "acting/image/Dockerfile", "ARG BERTH_BASE\n", 0644);
    scan(&bench);
    assert_true(bench.changed);
    const struct plugin *plugins = plugins_list(bench.plugins, &count);
    assert_int_equal(count, 2);
    cleanup_free char *path = bench_path(&bench.bench, "b.so");
    cleanup_free char *image = bench_path(&bench.bench, "acting/image");
    assert_string_equal(plugins[0].path, path);
    assert_string_equal(plugins[0].language.name, "acting");
    assert_string_equal(plugins[0].image_dir, image);
    assert_string_equal(plugins[1].version, "0.1");
    assert_null(plugins[1].image_dir);
    assert_ptr_equal(plugins_find(bench.plugins, "Actor"), &plugins[0]);
    struct plugin older = plugins[0];
    older.abi_minor = 1;
    assert_true(plugin_sees_dependencies(&plugins[0]));
    assert_false(plugin_sees_dependencies(&older));
    assert_null(plugins_find(bench.plugins, "cobol"));
    const struct language *languages = plugins_languages(bench.plugins, &count);
    assert_int_equal(count, 3); /* the refused one as well, by its file's name */
    assert_string_equal(languages[1].name, "described");
    assert_null(languages[1].refusal);
    assert_string_equal(languages[2].name, "d");
    assert_non_null(strstr(languages[2].refusal, "plugin ABI 2.5"));
    const struct plugin_refusal *refusals = plugins_refusals(bench.plugins, &count);
    assert_int_equal(count, 1);
    assert_string_equal(error_code_slug(refusals[0].error.code), "plugin-abi");
    close_plugins(&bench);
}

static void test_rescan(void **state)
{
    (void)state;
    struct plugins_bench bench;
    size_t count;
    open_plugins(&bench);
    install(&bench, "acting", "a.so");
    install(&bench, "wrong-major", "b.so");
    scan(&bench);
    assert_int_equal(plugins_find(bench.plugins, "acting")->changes, 1);

    /* Nothing changed: nothing is probed, what is refused stays refused. */
    scan(&bench);
    assert_false(bench.changed);
    assert_int_equal(plugins_find(bench.plugins, "acting")->changes, 1);
    plugins_refusals(bench.plugins, &count);
    assert_int_equal(count, 1);

    install(&bench, "acting", "a.so");
    install(&bench, "described", "b.so");
    struct error err;
    assert_int_equal(plugins_scan(bench.plugins, on_scanned, &bench, &err), 0);
    assert_int_equal(plugins_find(bench.plugins, "acting")->changes, 1); /* the set is replaced at the end */
    bench_wait(&bench.bench, &bench.scans, 3);
    assert_true(bench.changed);
    assert_int_equal(plugins_find(bench.plugins, "acting")->changes, 2);
    assert_int_equal(plugins_find(bench.plugins, "described")->changes, 2);

    cleanup_free char *path = bench_path(&bench.bench, "a.so");
    unlink(path);
    scan(&bench);
    assert_true(bench.changed);
    assert_null(plugins_find(bench.plugins, "acting"));
    close_plugins(&bench);
}

static void remove_plugin(const struct plugins_bench *bench, const char *name)
{
    cleanup_free char *path = bench_path(&bench->bench, name);
    assert_int_equal(unlink(path), 0);
}

/* The file that serves `word`. */
static const char *server_of(const struct plugins_bench *bench, const char *word)
{
    const struct plugin *plugin = plugins_find(bench->plugins, word);
    return plugin ? strrchr(plugin->path, '/') + 1 : "nobody";
}

static void test_taken_names(void **state)
{
    (void)state;
    struct plugins_bench bench;
    size_t count;
    open_plugins(&bench);
    install(&bench, "acting", "b.so");
    install(&bench, "acting", "c.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "acting"), "b.so");
    install(&bench, "acting", "a.so"); /* the newcomer, though first in the order of names */
    scan(&bench);
    assert_string_equal(server_of(&bench, "acting"), "b.so");
    const struct plugin_refusal *refusals = plugins_refusals(bench.plugins, &count);
    assert_int_equal(count, 2);
    assert_string_equal(error_code_slug(refusals[0].error.code), "plugin-name-taken");
    assert_non_null(strstr(refusals[0].path, "/a.so"));
    assert_non_null(strstr(refusals[0].error.message, "the language \"acting\" is taken by "));
    assert_non_null(strstr(refusals[0].error.message, "/b.so"));

    /* A new version at the same place has served it before. While it is broken nobody takes over. */
    install(&bench, "wrong-major", "b.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "acting"), "nobody");
    install(&bench, "acting", "b.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "acting"), "b.so");

    remove_plugin(&bench, "b.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "acting"), "a.so");
    assert_int_equal(plugins_find(bench.plugins, "acting")->changes, 1); /* without another probe */
    close_plugins(&bench);
}

static void test_taken_aliases(void **state)
{
    (void)state;
    struct plugins_bench bench;
    size_t count;
    open_plugins(&bench);
    install(&bench, "taken-alias", "a.so");
    install(&bench, "acting", "b.so");
    scan(&bench);
    const struct plugin *thief = plugins_list(bench.plugins, &count);
    assert_int_equal(count, 2);
    assert_string_equal(server_of(&bench, "acting"), "b.so"); /* its name, and an alias of a.so */
    assert_string_equal(server_of(&bench, "actor"), "a.so"); /* an alias of both */
    assert_string_equal(server_of(&bench, "own"), "a.so");
    assert_int_equal(thief->refused_alias_count, 1);
    assert_string_equal(thief->refused_aliases[0].alias, "Acting");
    assert_non_null(strstr(thief->refused_aliases[0].taken_by, "/b.so"));
    assert_int_equal(thief->language.alias_count, 2);
    const struct language *languages = plugins_languages(bench.plugins, &count);
    assert_int_equal(languages[0].alias_count, 2);

    remove_plugin(&bench, "a.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "actor"), "b.so");
    install(&bench, "taken-alias", "a.so");
    scan(&bench);
    assert_string_equal(server_of(&bench, "actor"), "b.so");
    assert_string_equal(server_of(&bench, "described"), "a.so");
    close_plugins(&bench);
}

static void test_overlapping_scans(void **state)
{
    (void)state;
    struct plugins_bench bench;
    struct error err;
    open_plugins(&bench);
    install(&bench, "acting", "a.so");
    assert_int_equal(plugins_scan(bench.plugins, on_scanned, &bench, &err), 0);
    install(&bench, "described", "b.so");
    assert_int_equal(plugins_scan(bench.plugins, on_scanned, &bench, &err), 0);
    bench_wait(&bench.bench, &bench.scans, 2);
    assert_true(bench.changed);
    assert_non_null(plugins_find(bench.plugins, "acting"));
    assert_non_null(plugins_find(bench.plugins, "described"));
    assert_int_equal(plugins_scan(bench.plugins, on_scanned, &bench, &err), 0);
    close_plugins(&bench); /* with a scan under way */
}

static void test_missing_folder(void **state)
{
    (void)state;
    struct plugins_bench bench;
    struct plugins *plugins;
    struct error err;
    open_plugins(&bench);
    assert_int_equal(plugins_create(bench.jobs, "/nonexistent/plugins", &plugins, &err), 0);
    assert_int_equal(plugins_scan(plugins, on_scanned, &bench, &err), -1);
    assert_non_null(strstr(err.message, "/nonexistent/plugins"));
    plugins_destroy(plugins);
    close_plugins(&bench);
}

/* The second folder comes after the first, and only when it is in nobody else's hands. */
static void test_further_folder(void **state)
{
    (void)state;
    struct plugins_bench bench;
    open_plugins(&bench);
    cleanup_free char *further = bench_path(&bench.bench, "further");
    plugins_add_folder(bench.plugins, further, geteuid());
    scan(&bench);
    assert_string_equal(plugins_distrust(bench.plugins)->message, "");
    assert_int_equal(mkdir(further, 0755), 0);
    install(&bench, "described", "z.so");
    install(&bench, "described", "further/a.so");
    install(&bench, "acting", "further/b.so");
    scan(&bench);
    cleanup_free char *first = bench_path(&bench.bench, "z.so");
    assert_string_equal(plugins_find(bench.plugins, "described")->path, first);
    assert_non_null(plugins_find(bench.plugins, "acting"));
    size_t count;
    plugins_refusals(bench.plugins, &count);
    assert_int_equal(count, 1);

    assert_int_equal(chmod(further, 0777), 0);
    scan(&bench);
    assert_null(plugins_find(bench.plugins, "acting"));
    assert_string_equal(error_code_slug(plugins_distrust(bench.plugins)->code), "not-safe");
    assert_int_equal(chmod(further, 0755), 0);
    scan(&bench);
    assert_non_null(plugins_find(bench.plugins, "acting"));
    assert_string_equal(plugins_distrust(bench.plugins)->message, "");
    cleanup_free char *plugin = bench_path(&bench.bench, "further/b.so");
    assert_int_equal(chmod(plugin, 0777), 0);
    scan(&bench);
    assert_null(plugins_find(bench.plugins, "acting"));
    close_plugins(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_rescan),
        cmocka_unit_test(test_taken_names),
        cmocka_unit_test(test_taken_aliases),
        cmocka_unit_test(test_overlapping_scans),
        cmocka_unit_test(test_further_folder),
        cmocka_unit_test(test_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
