/* What is told of files and folders that change: each way to save, once, and not before it is through. */
#include "build_bench.h"

#include "base/file_watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TOLD_MAX 64
#define NEVER_MS (3600u * 1000)

struct watch_bench {
    struct bench bench;
    struct background *background;
    struct file_watch *watch;
    char *told[TOLD_MAX]; /* paths below the scratch directory */
    unsigned count;
    unsigned worked;
};

static void on_changed(void *owner, const struct watch_place *places, size_t count)
{
    struct watch_bench *bench = owner;
    for (size_t i = 0; i < count; i++) {
        assert_true(bench->count < TOLD_MAX);
        bench->told[bench->count++] = xstrdup(places[i].path + strlen(bench->bench.dir) + 1);
    }
}

static const struct file_watch_options usual = {
    .quiet_ms = 30,
    .unfinished_ms = 400,
    .longest_ms = 2000,
    .look_ms = NEVER_MS,
    .blind_look_ms = NEVER_MS,
    .watches_max = 1000,
};

static void begin(struct watch_bench *bench, struct file_watch_options options)
{
    options.base = bench->bench.base;
    options.background = bench->background;
    options.changed = on_changed;
    options.owner = bench;
    bench->watch = file_watch_create(&options);
}

static int set_up(void **state)
{
    struct watch_bench *bench = xcalloc(1, sizeof(*bench));
    bench_open(&bench->bench);
    assert_int_equal(background_create(bench->bench.base, &bench->background, NULL), 0);
    *state = bench;
    return 0;
}

static void forget(struct watch_bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++)
        free(bench->told[i]);
    bench->count = 0;
}

static int tear_down(void **state)
{
    struct watch_bench *bench = *state;
    file_watch_destroy(bench->watch);
    background_destroy(bench->background);
    forget(bench);
    bench_close(&bench->bench);
    free(bench);
    return 0;
}

static void nothing(void *context)
{
    (void)context;
}

static void on_nothing(void *context, bool ran)
{
    (void)ran;
    ((struct watch_bench *)context)->worked++;
}

/* Waits until what the background was given so far is done. */
static void wait_background(struct watch_bench *bench)
{
    unsigned before = bench->worked;
    background_run(bench->background, nothing, on_nothing, bench);
    bench_wait(&bench->bench, &bench->worked, before + 1);
}

/* Watches `<scratch>/<name>` as `kind`, and the file `<scratch>/marker`. */
static void watch(struct watch_bench *bench, enum watch_kind kind, const char *name)
{
    cleanup_free char *path = bench_path(&bench->bench, name);
    cleanup_free char *marker = bench_path(&bench->bench, "marker");
    const struct watch_place places[] = {{kind, path}, {WATCH_FILE, marker}, {kind, path}};
    file_watch_set(bench->watch, places, 3);
    wait_background(bench);
}

/* Waits for one change of this path and no other, which is forgotten. */
static void expect(struct watch_bench *bench, const char *name)
{
    bench_wait(&bench->bench, &bench->count, 1);
    for (unsigned i = 0; i < bench->count; i++)
        assert_string_equal(bench->told[i], name);
    assert_int_equal(bench->count, 1);
    forget(bench);
}

/* Whatever there was until now is nothing to be told. */
static void expect_nothing(struct watch_bench *bench)
{
    static unsigned number;
    cleanup_free char *text = xasprintf("%u", number++);
    bench_file(&bench->bench, "marker", text, 0644);
    expect(bench, "marker");
}

static void rename_below(struct watch_bench *bench, const char *from, const char *to)
{
    cleanup_free char *source = bench_path(&bench->bench, from);
    cleanup_free char *target = bench_path(&bench->bench, to);
    assert_int_equal(rename(source, target), 0);
}

static void remove_below(struct watch_bench *bench, const char *name)
{
    cleanup_free char *path = bench_path(&bench->bench, name);
    assert_int_equal(fs_remove_tree(path, NULL), 0);
}

/* Writes a file in its place, as `echo >` does. */
static void write_over(struct watch_bench *bench, const char *name, const char *text)
{
    cleanup_free char *path = bench_path(&bench->bench, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void each_way_to_save_is_one_change(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_TREE, "f");
    expect_nothing(bench);

    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
    bench_file(&bench->bench, "f/x.py", "3", 0644); /* a temporary name, and a rename */
    expect(bench, "f");
    write_over(bench, "f/4913", ""); /* vim */
    remove_below(bench, "f/4913");
    rename_below(bench, "f/x.py", "f/x.py~");
    write_over(bench, "f/x.py", "4");
    remove_below(bench, "f/x.py~");
    expect(bench, "f");
    cleanup_free char *path = bench_path(&bench->bench, "f/x.py");
    assert_int_equal(chmod(path, 0755), 0);
    expect(bench, "f");
    remove_below(bench, "f/x.py");
    expect(bench, "f");
    expect_nothing(bench);
}

static void what_an_editor_leaves_is_none(void **state)
{
    struct watch_bench *bench = *state;
    static const char *const names[] = {"f/x.py~",  "f/.x.py.swp",  "f/.x.py.swx",    "f/#x.py#",
                                        "f/.#x.py", "f/.git/index", "f/sub/.DS_Store"};
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    bench_file(&bench->bench, "f/sub/y.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_TREE, "f");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        cleanup_free char *path = bench_path(&bench->bench, names[i]);
        cleanup_free char *folder = xstrdup(path);
        *strrchr(folder, '/') = '\0';
        assert_int_equal(fs_make_dirs(folder, 0755, NULL), 0);
        write_over(bench, names[i], "left");
    }
    expect_nothing(bench);
    bench_file(&bench->bench, "f/.git/objects/1", "", 0644);
    expect_nothing(bench);
}

/* As between a rename of the old file and the writing of the new one. */
static void a_file_that_is_away_for_a_moment_is_waited_for(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    struct file_watch_options options = usual;
    options.unfinished_ms = options.longest_ms = NEVER_MS;
    begin(bench, options);
    watch(bench, WATCH_TREE, "f");
    rename_below(bench, "f/x.py", "f/x.py.orig~");
    bench_idle(&bench->bench, 100);
    assert_int_equal(bench->count, 0);
    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
}

static void new_folders_are_watched_with_what_is_in_them(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_TREE, "f");
    bench_file(&bench->bench, "f/a/b/y.py", "1", 0644);
    expect(bench, "f");
    write_over(bench, "f/a/b/y.py", "2");
    expect(bench, "f");
    rename_below(bench, "f/a", "away");
    expect(bench, "f");
    write_over(bench, "away/b/y.py", "3");
    expect_nothing(bench);
    rename_below(bench, "away", "f/c");
    expect(bench, "f");
    write_over(bench, "f/c/b/y.py", "4");
    expect(bench, "f");
    remove_below(bench, "f/c");
    expect(bench, "f");
    expect_nothing(bench);
}

static void a_folder_may_go_and_come_back(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "functions/f/x.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_TREE, "functions/f");
    rename_below(bench, "functions", "elsewhere");
    wait_background(bench);
    rename_below(bench, "elsewhere/f", "f");
    expect(bench, "functions/f");
    write_over(bench, "f/x.py", "2");
    expect_nothing(bench);
    bench_file(&bench->bench, "functions/y", "", 0644);
    rename_below(bench, "f", "functions/f");
    expect(bench, "functions/f");
    write_over(bench, "functions/f/x.py", "3");
    expect(bench, "functions/f");
}

static void a_file_may_be_replaced_removed_and_led_elsewhere(void **state)
{
    struct watch_bench *bench = *state;
    begin(bench, usual);
    watch(bench, WATCH_FILE, "p/r.yml");
    bench_file(&bench->bench, "p/other.yml", "1", 0644);
    expect_nothing(bench);
    bench_file(&bench->bench, "p/r.yml", "1", 0644);
    expect(bench, "p/r.yml");
    write_over(bench, "p/other.yml", "2");
    expect_nothing(bench);
    bench_file(&bench->bench, "p/r.yml", "2", 0644);
    expect(bench, "p/r.yml");
    remove_below(bench, "p/r.yml");
    expect(bench, "p/r.yml");
    cleanup_free char *link = bench_path(&bench->bench, "p/r.yml");
    assert_int_equal(symlink("other.yml", link), 0);
    expect(bench, "p/r.yml");
}

static void of_a_place_of_folders_only_folders_count(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "functions/f/x.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_FOLDERS, "functions");
    write_over(bench, "functions/f/x.py", "2");
    write_over(bench, "functions/notes", "2");
    expect_nothing(bench);
    bench_file(&bench->bench, "functions/g/x.py", "1", 0644);
    expect(bench, "functions");
    cleanup_free char *link = bench_path(&bench->bench, "functions/h");
    assert_int_equal(symlink("f", link), 0);
    expect(bench, "functions");
    remove_below(bench, "functions/g");
    expect(bench, "functions");
}

static void of_a_place_of_files_only_files_count(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "plugins/one.so", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_FILES, "plugins");
    bench_file(&bench->bench, "plugins/one/image/Dockerfile", "1", 0644);
    expect_nothing(bench);
    bench_file(&bench->bench, "plugins/two.so", "1", 0644);
    expect(bench, "plugins");
    write_over(bench, "plugins/two.so", "2");
    expect(bench, "plugins");
}

static void what_is_no_longer_wanted_is_not_told(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    bench_file(&bench->bench, "g/x.py", "1", 0644);
    begin(bench, usual);
    watch(bench, WATCH_TREE, "f");
    watch(bench, WATCH_TREE, "g");
    write_over(bench, "f/x.py", "2");
    expect_nothing(bench);
    write_over(bench, "g/x.py", "2");
    expect(bench, "g");
}

static void however_little_quiet_there_is_a_change_is_told(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    struct file_watch_options options = usual;
    options.quiet_ms = NEVER_MS;
    options.longest_ms = 100;
    begin(bench, options);
    watch(bench, WATCH_TREE, "f");
    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
}

/* More events than the kernel keeps, before any is read. */
static void lost_events_are_made_good(void **state)
{
    struct watch_bench *bench = *state;
    cleanup_free char *text = NULL;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    bench_file(&bench->bench, "g/a~", "1", 0644);
    bench_file(&bench->bench, "g/b~", "1", 0644);
    cleanup_free char *f = bench_path(&bench->bench, "f"), *g = bench_path(&bench->bench, "g");
    cleanup_free char *a = bench_path(&bench->bench, "g/a~"), *b = bench_path(&bench->bench, "g/b~");
    begin(bench, usual);
    const struct watch_place places[] = {{WATCH_TREE, f}, {WATCH_TREE, g}};
    file_watch_set(bench->watch, places, 2);
    wait_background(bench);
    assert_int_equal(fs_read_file("/proc/sys/fs/inotify/max_queued_events", 64, &text, NULL, NULL), 0);
    for (long i = 0, most = strtol(text, NULL, 10); i <= most; i++) {
        int fd = open(i % 2 ? a : b, O_WRONLY | O_CLOEXEC); /* equal neighbours are one event */
        assert_true(fd >= 0);
        close(fd);
    }
    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
}

static void what_cannot_be_watched_is_looked_at(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    bench_file(&bench->bench, "f/sub/y.py", "1", 0644);
    struct file_watch_options options = usual;
    options.watches_max = 1;
    options.blind_look_ms = 20;
    begin(bench, options);
    cleanup_free char *f = bench_path(&bench->bench, "f");
    file_watch_set(bench->watch, &(struct watch_place){WATCH_TREE, f}, 1);
    wait_background(bench);
    for (unsigned i = 0; i < 3; i++) {
        cleanup_free char *text = xasprintf("longer %0*u", (int)i + 1, i);
        write_over(bench, "f/sub/y.py", text);
        expect(bench, "f");
    }
}

/* Even of what is watched: an event may be lost in any other way. */
static void everything_is_looked_at_now_and_then(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    struct file_watch_options options = usual;
    options.look_ms = 50;
    options.quiet_ms = options.unfinished_ms = options.longest_ms = NEVER_MS;
    begin(bench, options);
    watch(bench, WATCH_TREE, "f");
    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
}

static void a_watch_may_end_in_the_middle_of_a_look(void **state)
{
    struct watch_bench *bench = *state;
    bench_file(&bench->bench, "f/x.py", "1", 0644);
    cleanup_free char *f = bench_path(&bench->bench, "f");
    begin(bench, usual);
    file_watch_set(bench->watch, &(struct watch_place){WATCH_TREE, f}, 1);
    file_watch_set(bench->watch, NULL, 0);
    file_watch_set(bench->watch, &(struct watch_place){WATCH_TREE, f}, 1);
    wait_background(bench);
    write_over(bench, "f/x.py", "2");
    expect(bench, "f");
    file_watch_set(bench->watch, NULL, 0);
    file_watch_set(bench->watch, &(struct watch_place){WATCH_FILES, f}, 1);
    file_watch_destroy(steal(&bench->watch));
    wait_background(bench);
    assert_int_equal(bench->count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_way_to_save_is_one_change),
        TEST(what_an_editor_leaves_is_none),
        TEST(a_file_that_is_away_for_a_moment_is_waited_for),
        TEST(new_folders_are_watched_with_what_is_in_them),
        TEST(a_folder_may_go_and_come_back),
        TEST(a_file_may_be_replaced_removed_and_led_elsewhere),
        TEST(of_a_place_of_folders_only_folders_count),
        TEST(of_a_place_of_files_only_files_count),
        TEST(what_is_no_longer_wanted_is_not_told),
        TEST(however_little_quiet_there_is_a_change_is_told),
        TEST(lost_events_are_made_good),
        TEST(what_cannot_be_watched_is_looked_at),
        TEST(everything_is_looked_at_now_and_then),
        TEST(a_watch_may_end_in_the_middle_of_a_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
