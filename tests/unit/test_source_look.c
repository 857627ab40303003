/* Which functions have changed since a source was read last. */
#include "build_bench.h"

#include "base/alloc.h"
#include "fleet/source_look.h"
#include "prepare/plugins.h"

#include <stdio.h>
#include <unistd.h>

struct look_bench {
    struct bench bench;
    struct background *background;
    struct build_jobs *jobs;
    struct plugins *plugins;
    unsigned scanned, looked;
    char inputs[2][HASH_HEX_SIZE], own[2][HASH_HEX_SIZE];
};

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    ((struct look_bench *)context)->scanned++;
}

static void scan(struct look_bench *bench)
{
    struct error err;
    unsigned before = bench->scanned;
    assert_int_equal(plugins_scan(bench->plugins, on_scanned, bench, &err), 0);
    bench_wait(&bench->bench, &bench->scanned, before + 1);
}

static int set_up(void **state)
{
    struct look_bench *bench = xcalloc(1, sizeof(*bench));
    struct error err;
    bench_open(&bench->bench);
    cleanup_free char *folder = bench_path(&bench->bench, "plugins");
    cleanup_free char *plugin = bench_path(&bench->bench, "plugins/acting.so");
    assert_int_equal(fs_make_dirs(folder, 0755, &err), 0);
    assert_int_equal(symlink(TEST_PLUGIN_DIR "/acting.so", plugin), 0);
    bench_file(&bench->bench, "functions/one/main.x", "1", 0644);
    bench_file(&bench->bench, "functions/two/main.x", "2", 0644);
    const struct build_jobs_options options = {.program = BUILD_JOB_PROGRAM, .staging_dir = bench->bench.dir};
    assert_int_equal(background_create(bench->bench.base, &bench->background, &err), 0);
    assert_int_equal(build_jobs_create(bench->bench.base, &options, &bench->jobs, &err), 0);
    assert_int_equal(plugins_create(bench->jobs, folder, &bench->plugins, &err), 0);
    scan(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct look_bench *bench = *state;
    plugins_destroy(bench->plugins);
    build_jobs_destroy(bench->jobs);
    background_destroy(bench->background);
    bench_close(&bench->bench);
    free(bench);
    return 0;
}

static void on_looked(void *owner, struct generation *generation, const struct source_inputs *inputs)
{
    struct look_bench *bench = owner;
    assert_int_equal(generation->registry->function_count, 2);
    for (size_t i = 0; i < 2; i++) {
        memcpy(bench->inputs[i], inputs[i].all, HASH_HEX_SIZE);
        memcpy(bench->own[i], inputs[i].own, HASH_HEX_SIZE);
    }
    bench->looked++;
}

static struct generation *read_registry(struct look_bench *bench, const char *settings)
{
    size_t count;
    const struct language *languages = plugins_languages(bench->plugins, &count);
    cleanup_free char *path = bench_path(&bench->bench, "r.yml");
    cleanup_free char *text = xasprintf("one: {configuration: {language: acting, file: main.x, %s}}\n"
                                        "two: {configuration: {language: acting, file: main.x}}\n",
                                        settings);
    return generation_create(registry_parse(path, text, strlen(text), languages, count));
}

static void look(struct look_bench *bench, const char *settings)
{
    unsigned before = bench->looked;
    struct generation *generation = read_registry(bench, settings);
    source_look_start(bench->bench.base, bench->background, bench->plugins, generation, NULL, on_looked,
                      bench);
    generation_unref(generation);
    bench_wait(&bench->bench, &bench->looked, before + 1);
}

/* Which of the two another look finds changed, as bits. */
static unsigned changed(struct look_bench *bench, const char *settings)
{
    char before[2][HASH_HEX_SIZE];
    memcpy(before, bench->inputs, sizeof(before));
    look(bench, settings);
    unsigned found = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(*bench->inputs[i]);
        found |= (unsigned)(strcmp(before[i], bench->inputs[i]) != 0) << i;
    }
    return found;
}

static void what_has_changed_is_found_and_nothing_else(void **state)
{
    struct look_bench *bench = *state;
    look(bench, "");
    assert_int_equal(changed(bench, ""), 0);
    assert_int_equal(changed(bench, "timeout: 5s, max_scale: 3"), 0);
    assert_int_equal(changed(bench, "memory: 64Mi"), 1);
    assert_int_equal(changed(bench, "memory: 64Mi, environment: {A: 1}"), 1);
    assert_int_equal(changed(bench, ""), 1);
    bench_file(&bench->bench, "functions/two/main.x", "3", 0644);
    assert_int_equal(changed(bench, ""), 2);
    bench_file(&bench->bench, "functions/two/sub/more.x", "", 0644);
    assert_int_equal(changed(bench, ""), 2);
    bench_file(&bench->bench, "functions/two/sub/.more.x.swp", "", 0644);
    bench_file(&bench->bench, "functions/two/main.x~", "", 0644);
    bench_file(&bench->bench, "functions/two/.git/index", "", 0644);
    assert_int_equal(changed(bench, ""), 0);
    char own[2][HASH_HEX_SIZE];
    memcpy(own, bench->own, sizeof(own));
    bench_file(&bench->bench, "plugins/acting/image/Dockerfile", "FROM scratch\n", 0644);
    assert_int_equal(changed(bench, ""), 3);
    assert_memory_equal(own, bench->own, sizeof(own)); /* a plugin is not the function's own */
    bench_file(&bench->bench, "functions/two/main.x", "4", 0644);
    assert_int_equal(changed(bench, ""), 2);
    assert_string_equal(own[0], bench->own[0]);
    assert_string_not_equal(own[1], bench->own[1]);
}

/* As often as it is written, and however soon after a look: size and time may be the same. */
static void a_change_right_after_a_look_is_found(void **state)
{
    struct look_bench *bench = *state;
    cleanup_free char *path = bench_path(&bench->bench, "functions/one/main.x");
    look(bench, "");
    for (unsigned i = 0; i < 20; i++) {
        FILE *file = fopen(path, "r+"); /* the same inode and length */
        assert_non_null(file);
        fputc(i % 2 ? 'a' : 'b', file);
        fclose(file);
        assert_int_equal(changed(bench, ""), 1);
    }
}

static void what_cannot_be_read_is_unknown(void **state)
{
    struct look_bench *bench = *state;
    cleanup_free char *deep = xstrdup("functions/one");
    for (unsigned i = 0; i < 70; i++) {
        char *deeper = xasprintf("%s/d", deep);
        free(deep);
        deep = deeper;
    }
    cleanup_free char *file = xasprintf("%s/f", deep);
    bench_file(&bench->bench, file, "", 0644);
    look(bench, "");
    assert_string_equal(bench->inputs[0], "");
    assert_true(*bench->inputs[1]);
}

static void no_more_than_the_given_folders_are_looked_at(void **state)
{
    struct look_bench *bench = *state;
    struct generation *generation = read_registry(bench, "");
    struct folder_list only = {0};
    look(bench, "");
    cleanup_free char *before = xstrdup(bench->inputs[1]);
    folder_list_add(&only, generation->registry->functions[1].folder);
    source_look_start(bench->bench.base, bench->background, bench->plugins, generation, &only, on_looked,
                      bench);
    generation_unref(generation);
    folder_list_clear(&only);
    bench_wait(&bench->bench, &bench->looked, 2);
    assert_string_equal(bench->inputs[0], "");
    assert_string_equal(bench->inputs[1], before);
}

static void a_cancelled_look_is_silent(void **state)
{
    struct look_bench *bench = *state;
    struct generation *generation = read_registry(bench, "");
    source_look_cancel(source_look_start(bench->bench.base, bench->background, bench->plugins, generation,
                                         NULL, on_looked, bench));
    generation_unref(generation);
    look(bench, "");
    assert_int_equal(bench->looked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_changed_is_found_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_right_after_a_look_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_than_the_given_folders_are_looked_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_look_is_silent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
