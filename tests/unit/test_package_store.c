#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/store/package_store.h"
#include "prepare/store/tree.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_bench {
    struct bench bench;
    struct background *background;
    struct package_store *store;
    char *state;
};

static void open_store(struct store_bench *bench)
{
    struct error err;
    assert_int_equal(background_create(bench->bench.base, &bench->background, &err), 0);
    assert_int_equal(package_store_open(bench->state, bench->background, &bench->store, &err), 0);
}

static void close_store(struct store_bench *bench)
{
    package_store_close(bench->store);
    background_destroy(bench->background);
}

static void setup(struct store_bench *bench)
{
    bench_open(&bench->bench);
    bench->state = bench_path(&bench->bench, "state");
    open_store(bench);
}

static void teardown(struct store_bench *bench)
{
    close_store(bench);
    free(bench->state);
    bench_close(&bench->bench);
}

static void note_done(void *context, bool ran)
{
    assert_true(ran);
    ++*(unsigned *)context;
}

static void do_nothing(void *context)
{
    (void)context;
}

/* Waits until everything asked of the background thread so far is done. */
static void settle(struct store_bench *bench)
{
    unsigned done = 0;
    background_run(bench->background, do_nothing, note_done, &done);
    bench_wait(&bench->bench, &done, 1);
}

/* A staged package whose only file holds `text`. */
static struct build_package stage(struct store_bench *bench, const char *name, const char *text)
{
    struct build_package package = {0};
    cleanup_free char *file = xasprintf("state/staging/%s/file", name);
    bench_file(&bench->bench, file, text, 0644);
    package.staged = xasprintf("%s/%s", package_store_staging(bench->store), name);
    assert_int_equal(tree_digest(package.staged, package.digest, NULL, NULL), 0);
    return package;
}

static size_t staged_count(struct store_bench *bench)
{
    settle(bench);
    return bench_count(package_store_staging(bench->store));
}

static void test_commit(void **state)
{
    (void)state;
    struct store_bench bench;
    struct error err;
    setup(&bench);
    struct build_package package = stage(&bench, "x", "one");
    struct build_package again = stage(&bench, "y", "one");
    assert_string_equal(package.digest, again.digest);
    assert_int_equal(package_store_commit(bench.store, &package, &err), 0);
    assert_null(package.staged);
    assert_int_equal(package_store_commit(bench.store, &again, &err), 0);
    assert_int_equal(staged_count(&bench), 0);
    assert_int_equal(package_store_commit(bench.store, &again, &err), -1);

    cleanup_free char *path = package_store_path(bench.store, package.digest);
    cleanup_free char *file = xasprintf("%s/file", path);
    assert_true(fs_exists(file));
    cleanup_free char *copy = bench_path(&bench.bench, "copy");
    char digest[HASH_HEX_SIZE];
    assert_int_equal(fs_make_dirs(copy, 0755, &err), 0);
    assert_int_equal(package_store_copy(bench.store, package.digest, copy, &err), 0);
    assert_int_equal(tree_digest(copy, digest, NULL, &err), 0);
    assert_string_equal(digest, package.digest);

    struct build_package unwanted = stage(&bench, "z", "two");
    package_store_discard(bench.store, &unwanted);
    assert_null(unwanted.staged);
    assert_int_equal(staged_count(&bench), 0);
    teardown(&bench);
}

/* A change of any kind is seen, and a new package takes the place of the changed one. */
static void test_changed(void **state)
{
    (void)state;
    struct store_bench bench;
    struct error err;
    setup(&bench);
    struct build_package package = stage(&bench, "x", "one");
    cleanup_free char *path = package_store_path(bench.store, package.digest);
    cleanup_free char *file = xasprintf("%s/file", path);
    cleanup_free char *other = xasprintf("%s/other", path);
    assert_int_equal(package_store_verify(bench.store, package.digest, &err), -1);
    assert_int_equal(package_store_commit(bench.store, &package, &err), 0);
    assert_int_equal(package_store_verify(bench.store, package.digest, &err), 0);
    for (unsigned kind = 0; kind < 4; kind++) {
        if (kind == 0)
            assert_int_equal(fs_write_file(file, "two", 3, 0644, &err), 0);
        else if (kind == 1)
            assert_int_equal(chmod(file, 0755), 0);
        else if (kind == 2)
            assert_int_equal(symlink("file", other), 0);
        else
            assert_int_equal(fs_remove_tree(path, &err), 0);
        assert_int_equal(package_store_verify(bench.store, package.digest, &err), -1);
        assert_string_equal(error_code_slug(err.code), "package-changed");
        struct build_package again = stage(&bench, "y", "one");
        assert_int_equal(package_store_commit(bench.store, &again, &err), 0);
        assert_int_equal(package_store_verify(bench.store, package.digest, &err), 0);
        assert_int_equal(staged_count(&bench), 0);
    }
    const char *const none[] = {NULL};
    assert_int_equal(package_store_collect(bench.store, none, 0), 1);
    assert_int_equal(package_store_verify(bench.store, package.digest, &err), -1);
    teardown(&bench);
}

/* That no file can be opened says nothing of the package. */
static void test_unseen(void **state)
{
    (void)state;
    struct store_bench bench;
    struct error err;
    struct rlimit limit;
    setup(&bench);
    struct build_package package = stage(&bench, "x", "one");
    assert_int_equal(package_store_commit(bench.store, &package, &err), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max}),
                     0);
    int rc = package_store_verify(bench.store, package.digest, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(rc, -1);
    assert_string_equal(error_code_slug(err.code), "out-of-resources");
    assert_int_equal(package_store_verify(bench.store, package.digest, &err), 0);
    teardown(&bench);
}

static bool is_stored(const struct store_bench *bench, const char *digest)
{
    cleanup_free char *path = package_store_path(bench->store, digest);
    return fs_is_dir(path);
}

static void test_collect(void **state)
{
    (void)state;
    struct store_bench bench;
    struct error err;
    setup(&bench);
    struct build_package one = stage(&bench, "x", "one"), two = stage(&bench, "y", "two");
    assert_int_equal(package_store_commit(bench.store, &one, &err), 0);
    assert_int_equal(package_store_commit(bench.store, &two, &err), 0);
    const char *const used[] = {two.digest};
    assert_int_equal(package_store_collect(bench.store, used, 1), 1);
    assert_false(is_stored(&bench, one.digest));
    assert_true(is_stored(&bench, two.digest));
    assert_int_equal(staged_count(&bench), 0);
    teardown(&bench);
}

struct adopted {
    unsigned count;
    bool intact;
};

static void on_adopted(void *context, bool intact)
{
    struct adopted *adopted = context;
    adopted->count++;
    adopted->intact = intact;
}

static bool adopt(struct store_bench *bench, const char *digest)
{
    struct adopted adopted = {0};
    package_store_adopt(bench->store, digest, on_adopted, &adopted);
    bench_wait(&bench->bench, &adopted.count, 1);
    return adopted.intact;
}

static void test_reopen(void **state)
{
    (void)state;
    struct store_bench bench;
    struct error err;
    setup(&bench);
    struct build_package kept = stage(&bench, "x", "one"), left = stage(&bench, "y", "two");
    assert_int_equal(package_store_commit(bench.store, &kept, &err), 0);
    free(left.staged);
    close_store(&bench);

    open_store(&bench);
    assert_int_equal(staged_count(&bench), 0);
    /* What an earlier daemon stored is trusted once it has been read. */
    assert_int_equal(package_store_verify(bench.store, kept.digest, &err), -1);
    assert_true(adopt(&bench, kept.digest));
    assert_int_equal(package_store_verify(bench.store, kept.digest, &err), 0);
    assert_true(adopt(&bench, kept.digest));
    assert_false(adopt(&bench, left.digest));
    close_store(&bench);

    open_store(&bench);
    cleanup_free char *file = xasprintf("%s/packages/%s/file", bench.state, kept.digest);
    assert_int_equal(chmod(file, 0666), 0);
    assert_false(adopt(&bench, kept.digest));
    assert_int_equal(chmod(file, 0644), 0);
    assert_true(adopt(&bench, kept.digest));
    assert_int_equal(chmod(file, 0644), 0); /* its time tells of it */
    assert_false(adopt(&bench, kept.digest));
    close_store(&bench);

    open_store(&bench);
    assert_int_equal(fs_write_file(file, "eno", 3, 0644, &err), 0);
    assert_false(adopt(&bench, kept.digest));
    assert_int_equal(package_store_verify(bench.store, kept.digest, &err), -1);
    teardown(&bench);
}

static void test_bad_state_dir(void **state)
{
    (void)state;
    struct bench bench;
    struct background *background;
    struct package_store *store;
    struct error err;
    bench_open(&bench);
    bench_file(&bench, "file", "", 0644);
    cleanup_free char *path = bench_path(&bench, "file/state");
    assert_int_equal(background_create(bench.base, &background, &err), 0);
    assert_int_equal(package_store_open(path, background, &store, &err), -1);
    assert_non_null(strstr(err.message, "the state directory"));
    background_destroy(background);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit),  cmocka_unit_test(test_changed), cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_collect), cmocka_unit_test(test_reopen),  cmocka_unit_test(test_bad_state_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
