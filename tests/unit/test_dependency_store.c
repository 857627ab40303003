#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/store/dependency_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct store_bench {
    struct bench bench;
    struct background *background;
    struct dependency_store *store;
    char *state;
    unsigned committed;
    struct error err;
};

static void setup(struct store_bench *bench)
{
    struct error err;
    *bench = (struct store_bench){0};
    bench_open(&bench->bench);
    bench->state = bench_path(&bench->bench, "state");
    assert_int_equal(background_create(bench->bench.base, &bench->background, &err), 0);
    assert_int_equal(dependency_store_open(bench->state, bench->background, &bench->store, &err), 0);
}

static void teardown(struct store_bench *bench)
{
    background_destroy(bench->background);
    dependency_store_close(bench->store);
    free(bench->state);
    bench_close(&bench->bench);
}

static void on_committed(void *context, const struct error *err)
{
    struct store_bench *bench = context;
    bench->committed++;
    bench->err = err ? *err : (struct error){0};
}

/* A key that is 64 times the digit. */
static void make_key(char digit, char key[HASH_HEX_SIZE])
{
    memset(key, digit, HASH_HEX_SIZE - 1);
    key[HASH_HEX_SIZE - 1] = '\0';
}

/* Stages a set with one file of `size` bytes and asks for its commit; it was asked for as '0'. */
static void commit(struct store_bench *bench, const char *key, size_t size)
{
    cleanup_free char *staged = NULL;
    char asked[HASH_HEX_SIZE];
    make_key('0', asked);
    struct error err;
    assert_int_equal(dependency_store_stage(bench->store, getuid(), getgid(), &staged, &err), 0);
    cleanup_free char *file = xasprintf("%s/target/file", staged);
    cleanup_free char *rest = xasprintf("%s/tmp/rest", staged);
    cleanup_free char *bytes = xcalloc(1, size);
    assert_int_equal(fs_write_file(file, bytes, size, 0644, &err), 0);
    assert_int_equal(link(file, rest), 0);
    dependency_store_commit(bench->store, key, asked, staged, on_committed, bench);
}

static void commit_and_wait(struct store_bench *bench, char digit, size_t size)
{
    char key[HASH_HEX_SIZE];
    unsigned before = bench->committed;
    make_key(digit, key);
    commit(bench, key, size);
    bench_wait(&bench->bench, &bench->committed, before + 1);
    assert_int_equal(bench->err.code, ERROR_NONE);
    assert_true(dependency_store_has(bench->store, key));
}

/* Sets the last use of a set back to a second of 1970. */
static void age(struct store_bench *bench, char digit, time_t second)
{
    char key[HASH_HEX_SIZE];
    make_key(digit, key);
    cleanup_free char *note = xasprintf("%s/dependencies-used/%s", bench->state, key);
    const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};
    assert_int_equal(utimensat(AT_FDCWD, note, times, 0), 0);
}

static void test_key(void **state)
{
    (void)state;
    char *pip[] = {"pip", "install", "six", NULL}, *other[] = {"pip", "install six", NULL}, *none[] = {NULL};
    struct build_dependencies one = {"six", pip, none}, two = {"six", other, none};
    char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE];
    dependency_store_key("python", &one, "sha256:1", first);
    dependency_store_key("python", &one, "sha256:1", second);
    assert_string_equal(first, second);
    dependency_store_key("python", &two, "sha256:1", second);
    assert_string_not_equal(first, second);
    dependency_store_key("python", &one, "sha256:2", second);
    assert_string_not_equal(first, second);
    dependency_store_key("node", &one, "sha256:1", second);
    assert_string_not_equal(first, second);
    dependency_store_asked("python", &one, first);
    dependency_store_asked("python", &one, second);
    assert_string_equal(first, second);
    dependency_store_asked("python", &two, second);
    assert_string_not_equal(first, second);
}

static void test_commit(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    make_key('a', key);
    commit_and_wait(&bench, 'a', 1000);
    commit_and_wait(&bench, 'a', 1000); /* there already: the staged one is dropped */
    assert_true(dependency_store_has(bench.store, key));
    assert_int_equal(dependency_store_collect(bench.store, 1000, NULL, 0), 0); /* its size was noted */
    assert_int_equal(dependency_store_collect(bench.store, 999, NULL, 0), 1);
    assert_false(dependency_store_has(bench.store, key));
    cleanup_free char *missing = xasprintf("%s/staging/missing", bench.state);
    dependency_store_commit(bench.store, "b", "", missing, on_committed, &bench);
    bench_wait(&bench.bench, &bench.committed, 3);
    assert_string_equal(error_code_slug(bench.err.code), "not-found");
    teardown(&bench);
}

/* The digit of that set's key which is found, or '\0'. */
static char found(const struct store_bench *bench, char asked_digit)
{
    char asked[HASH_HEX_SIZE];
    make_key(asked_digit, asked);
    cleanup_free char *path = dependency_store_find(bench->state, asked);
    for (const char *digit = "abc"; path && fs_is_dir(path) && *digit; digit++) {
        char key[HASH_HEX_SIZE];
        make_key(*digit, key);
        cleanup_free char *set = dependency_store_path(bench->store, key);
        if (strcmp(set, path) == 0)
            return *digit;
    }
    return '\0';
}

static void test_find(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    assert_int_equal(found(&bench, '0'), '\0');
    for (const char *digit = "abc"; *digit; digit++)
        commit_and_wait(&bench, *digit, 10);
    age(&bench, 'a', 10);
    age(&bench, 'b', 30);
    age(&bench, 'c', 20);
    assert_int_equal(found(&bench, '0'), 'b');
    assert_int_equal(found(&bench, '1'), '\0');
    make_key('b', key);
    dependency_store_drop(bench.store, key);
    assert_int_equal(found(&bench, '0'), 'c');
    assert_null(dependency_store_find("/nonexistent", key));
    teardown(&bench);
}

static void check_and_wait(struct store_bench *bench, const char *key)
{
    unsigned before = bench->committed;
    dependency_store_check(bench->store, key, on_committed, bench);
    bench_wait(&bench->bench, &bench->committed, before + 1);
}

/* Closes the store and opens it anew, as a later daemon does. */
static void reopen(struct store_bench *bench)
{
    struct error err;
    dependency_store_close(bench->store);
    assert_int_equal(dependency_store_open(bench->state, bench->background, &bench->store, &err), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

/* Nobody can list the folder of all sets or work out a name in it. */
static void test_names(void **state)
{
    (void)state;
    struct store_bench bench, other;
    char key[HASH_HEX_SIZE], name[HASH_HEX_SIZE], again[HASH_HEX_SIZE];
    setup(&bench);
    setup(&other);
    make_key('a', key);
    dependency_store_name(bench.store, key, name);
    assert_true(hash_is_digest(name));
    assert_string_not_equal(name, key);
    dependency_store_name(other.store, key, again);
    assert_string_not_equal(name, again);
    reopen(&bench);
    dependency_store_name(bench.store, key, again);
    assert_string_equal(name, again);
    cleanup_free char *secret = xasprintf("%s/dependencies-secret", bench.state);
    assert_int_equal(mode_of(secret), 0600);
    assert_int_equal(mode_of(dependency_store_dir(bench.store)), 0311);
    teardown(&other);
    teardown(&bench);
}

/* What an earlier version has stored is found, with its stamp, under the names of today. */
static void test_former_names(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    make_key('a', key);
    commit_and_wait(&bench, 'a', 1000);
    cleanup_free char *today = dependency_store_path(bench.store, key);
    cleanup_free char *former = xasprintf("%s/%s", dependency_store_dir(bench.store), key);
    cleanup_free char *secret = xasprintf("%s/dependencies-secret", bench.state);
    assert_int_equal(rename(today, former), 0);
    assert_int_equal(unlink(secret), 0);
    reopen(&bench);
    assert_true(dependency_store_has(bench.store, key));
    assert_false(fs_exists(former));
    check_and_wait(&bench, key);
    assert_int_equal(bench.err.code, ERROR_NONE);
    assert_int_equal(mode_of(dependency_store_dir(bench.store)), 0311);
    teardown(&bench);
}

/* Without the secret nobody can tell which set is which. */
static void test_lost_names(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    make_key('a', key);
    commit_and_wait(&bench, 'a', 1000);
    cleanup_free char *before = dependency_store_path(bench.store, key);
    cleanup_free char *secret = xasprintf("%s/dependencies-secret", bench.state);
    assert_int_equal(fs_write_file(secret, "short", 5, 0600, NULL), 0);
    reopen(&bench);
    assert_false(dependency_store_has(bench.store, key));
    assert_false(fs_exists(before));
    commit_and_wait(&bench, 'a', 1000);
    teardown(&bench);
}

/* One byte of a file, and its times as they were. */
static void change(const char *file)
{
    struct stat before;
    assert_int_equal(stat(file, &before), 0);
    cleanup_close int fd = open(file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
}

static void test_check(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    make_key('a', key);
    commit_and_wait(&bench, 'a', 1000);
    check_and_wait(&bench, key);
    assert_int_equal(bench.err.code, ERROR_NONE);
    cleanup_free char *path = dependency_store_path(bench.store, key);
    cleanup_free char *file = xasprintf("%s/file", path);
    change(file);
    check_and_wait(&bench, key);
    assert_string_equal(error_code_slug(bench.err.code), "changed");
    dependency_store_drop(bench.store, key);
    assert_false(dependency_store_has(bench.store, key));

    commit_and_wait(&bench, 'a', 1000);
    cleanup_free char *note = xasprintf("%s/dependencies-used/%s", bench.state, key);
    assert_int_equal(unlink(note), 0);
    check_and_wait(&bench, key);
    assert_string_equal(error_code_slug(bench.err.code), "changed");
    teardown(&bench);
}

/* Those of the digits whose sets are there. */
static const char *stored(const struct store_bench *bench, const char *digits)
{
    static char found[8];
    size_t count = 0;
    for (; *digits; digits++) {
        char key[HASH_HEX_SIZE];
        make_key(*digits, key);
        if (dependency_store_has(bench->store, key))
            found[count++] = *digits;
    }
    found[count] = '\0';
    return found;
}

static void test_collect(void **state)
{
    (void)state;
    struct store_bench bench;
    setup(&bench);
    for (const char *digit = "abcd"; *digit; digit++)
        commit_and_wait(&bench, *digit, 1000);
    age(&bench, 'a', 40);
    age(&bench, 'b', 10);
    age(&bench, 'c', 20);
    age(&bench, 'd', 30);
    char used[HASH_HEX_SIZE], touched[HASH_HEX_SIZE];
    make_key('b', used);
    make_key('c', touched);
    const char *const in_use[] = {used};
    assert_int_equal(dependency_store_collect(bench.store, 4000, in_use, 1), 0);
    dependency_store_touch(bench.store, touched);
    /* b is the oldest but in use; d is next. */
    assert_int_equal(dependency_store_collect(bench.store, 3000, in_use, 1), 1);
    assert_string_equal(stored(&bench, "abcd"), "abc");
    assert_int_equal(dependency_store_collect(bench.store, 2000, in_use, 1),
                     1); /* a, which was touched before c */
    assert_string_equal(stored(&bench, "abcd"), "bc");
    assert_int_equal(dependency_store_collect(bench.store, 0, in_use, 1), 1);
    assert_true(dependency_store_has(bench.store, used));
    teardown(&bench);
}

/* A commit that the background thread did not come to is told so. */
static void test_shutdown(void **state)
{
    (void)state;
    struct store_bench bench;
    char key[HASH_HEX_SIZE];
    setup(&bench);
    for (const char *digit = "abcdef"; *digit; digit++) {
        make_key(*digit, key);
        commit(&bench, key, 10);
    }
    teardown(&bench);
    assert_int_equal(bench.committed, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),   cmocka_unit_test(test_commit),       cmocka_unit_test(test_find),
        cmocka_unit_test(test_names), cmocka_unit_test(test_former_names), cmocka_unit_test(test_lost_names),
        cmocka_unit_test(test_check), cmocka_unit_test(test_collect),      cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
