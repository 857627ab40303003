/* Secrets on disk and in memory: what is kept, with which key, and what is said when it cannot be had. */
#include "prepare/store/secret_store.h"

#include "base/cleanup.h"
#include "prepare/store/former_values.h"
#include "prepare/store/secret_key.h"

#include "own_folder.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    char *state, *key;
    struct secret_store *store;
};

static void bench_open(struct bench *bench, const struct folder *folder)
{
    struct error err;
    bench->state = xasprintf("%s/state", folder->path);
    bench->key = xasprintf("%s/etc/secret.key", folder->path);
    assert_int_equal(fs_make_dirs(bench->state, 0700, &err), 0);
    assert_int_equal(secret_store_open(bench->state, bench->key, &bench->store, &err), 0);
}

static void bench_again(struct bench *bench)
{
    struct error err;
    secret_store_close(bench->store);
    assert_int_equal(secret_store_open(bench->state, bench->key, &bench->store, &err), 0);
}

static void bench_close(struct bench *bench)
{
    secret_store_close(bench->store);
    free(bench->state);
    free(bench->key);
}

static void put(struct bench *bench, const char *name, const char *value)
{
    struct error err;
    assert_int_equal(secret_store_put(bench->store, name, value, strlen(value), &err), 0);
}

static void assert_value_of(const struct bench *bench, const char *name, const char *digest,
                            const char *expected)
{
    struct error err;
    cleanup_locked struct locked value = {0};
    assert_int_equal(secret_store_reveal(bench->store, name, digest, &value, &err), 0);
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.bytes, expected, value.size);
}

static void assert_value(const struct bench *bench, const char *name, const char *expected)
{
    assert_value_of(bench, name, "", expected);
}

static const struct known_secret *known(const struct bench *bench, const char *name)
{
    const struct known_secret *found = known_secrets_find(secret_store_known(bench->store), name);
    assert_non_null(found);
    return found;
}

static char *file_of(const struct bench *bench, const char *name)
{
    return xasprintf("%s/secrets/%s.sealed", bench->state, name);
}

static void values_are_there_again_after_a_restart(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    assert_int_equal(secret_store_known(bench.store)->count, 0);
    assert_false(fs_exists(bench.key)); /* nothing has been set */
    put(&bench, "stripe-key", "sk_live_1");
    put(&bench, "a.b_c", "");
    put(&bench, "zeta", "z");
    put(&bench, "stripe-key", "sk_live_2");
    bench_again(&bench);
    const struct known_secrets *all = secret_store_known(bench.store);
    assert_int_equal(all->count, 3);
    assert_string_equal(all->items[0].name, "a.b_c");
    assert_string_equal(all->items[1].name, "stripe-key");
    assert_value(&bench, "stripe-key", "sk_live_2");
    assert_value(&bench, "a.b_c", "");
    assert_true(secret_store_set_ms(bench.store, "zeta") > 0);
    assert_true(secret_store_set_ms(bench.store, "none") == 0);
    bench_close(&bench);
}

static void files_are_closed_and_say_nothing(void **state)
{
    struct bench bench;
    struct stat status;
    struct error err;
    bench_open(&bench, *state);
    put(&bench, "token", "a-value-that-is-searched-for");
    cleanup_free char *path = file_of(&bench, "token"), *bytes = NULL;
    size_t size;
    assert_int_equal(fs_read_file(path, 4096, &bytes, &size, &err), 0);
    assert_null(memmem(bytes, size, "searched", 8));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(bench.key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    bench_close(&bench);
}

static void digests_need_the_key(void **state)
{
    struct bench bench;
    char first[HASH_HEX_SIZE];
    bench_open(&bench, *state);
    put(&bench, "a", "same");
    put(&bench, "b", "same");
    memcpy(first, known(&bench, "a")->digest, sizeof(first));
    assert_true(hash_is_digest(first));
    assert_string_not_equal(first, known(&bench, "b")->digest);
    put(&bench, "a", "other");
    assert_string_not_equal(first, known(&bench, "a")->digest);
    put(&bench, "a", "same");
    assert_string_equal(first, known(&bench, "a")->digest);
    bench_again(&bench);
    assert_string_equal(first, known(&bench, "a")->digest);
    struct error err;
    assert_int_equal(secret_store_remove(bench.store, "a", &err), 0);
    assert_int_equal(secret_store_remove(bench.store, "b", &err), 0);
    assert_int_equal(unlink(bench.key), 0);
    bench_again(&bench);
    put(&bench, "a", "same"); /* with a new key, since there was nothing that the old one had sealed */
    assert_string_not_equal(first, known(&bench, "a")->digest);
    bench_close(&bench);
}

static void names_and_sizes_have_limits(void **state)
{
    struct bench bench;
    struct error err;
    static const char *const bad[] = {"", ".", "..", ".a", "a..b", "a/b", "a b", "a\n", "\xc3\xa4", "a:b"};
    bench_open(&bench, *state);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(secret_store_put(bench.store, bad[i], "x", 1, &err), -1);
        assert_int_equal(err.code, ERROR_SECRET_INVALID);
    }
    char longest[202];
    memset(longest, 'n', sizeof(longest));
    longest[201] = '\0';
    assert_int_equal(secret_store_put(bench.store, longest, "x", 1, &err), -1);
    longest[200] = '\0';
    assert_int_equal(secret_store_put(bench.store, longest, "x", 1, &err), 0);
    cleanup_free char *large = xcalloc(1, SECRET_VALUE_MAX + 1);
    assert_int_equal(secret_store_put(bench.store, "large", large, SECRET_VALUE_MAX + 1, &err), -1);
    assert_int_equal(secret_store_put(bench.store, "large", large, SECRET_VALUE_MAX, &err), 0);
    bench_again(&bench);
    assert_string_equal(known(&bench, "large")->unfit, "is longer than 64 KiB");
    bench_close(&bench);
}

static void what_no_variable_can_hold_is_known(void **state)
{
    struct bench bench;
    struct error err;
    bench_open(&bench, *state);
    assert_int_equal(secret_store_put(bench.store, "nul", "a\0b", 3, &err), 0);
    put(&bench, "latin", "f\xfcr");
    put(&bench, "utf8", "f\xc3\xbcr");
    assert_string_equal(known(&bench, "nul")->unfit, "has a NUL in it");
    assert_string_equal(known(&bench, "latin")->unfit, "is no UTF-8");
    assert_null(known(&bench, "utf8")->unfit);
    bench_close(&bench);
}

/* Never a new key over secrets that an old one has sealed. */
static void without_its_key_nothing_is_set_or_told(void **state)
{
    struct bench bench;
    struct error err;
    struct locked value = {0};
    bench_open(&bench, *state);
    put(&bench, "token", "t");
    cleanup_free char *aside = xasprintf("%s.aside", bench.key);
    assert_int_equal(rename(bench.key, aside), 0);
    bench_again(&bench);
    assert_non_null(strstr(known(&bench, "token")->problem, "is not there"));
    assert_string_equal(known(&bench, "token")->digest, "");
    assert_int_equal(secret_store_reveal(bench.store, "token", "", &value, &err), -1);
    assert_int_equal(err.code, ERROR_SECRET_KEY);
    assert_int_equal(secret_store_put(bench.store, "other", "o", 1, &err), -1);
    assert_int_equal(err.code, ERROR_SECRET_KEY);
    assert_false(fs_exists(bench.key));

    assert_int_equal(secret_key_make(bench.key, &err), 0); /* another one */
    bench_again(&bench);
    assert_non_null(strstr(known(&bench, "token")->problem, "is not the one"));
    assert_int_equal(secret_store_put(bench.store, "other", "o", 1, &err), -1);
    assert_int_equal(err.code, ERROR_SECRET_KEY);

    assert_int_equal(rename(aside, bench.key), 0);
    assert_int_equal(secret_store_reload(bench.store, &err), 0);
    assert_null(known(&bench, "token")->problem);
    assert_value(&bench, "token", "t");
    put(&bench, "other", "o");
    bench_close(&bench);
}

static void key_file_must_be_its_owners_alone(void **state)
{
    struct folder *folder = *state;
    struct secret_key *key = NULL;
    struct error err;
    static const char *const contents[] = {
        "", "abc", "zz00000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        assert_int_equal(fs_write_file(folder->file, contents[i], strlen(contents[i]), 0600, &err), 0);
        assert_int_equal(secret_key_open(folder->file, &key, &err), -1);
        assert_int_equal(err.code, ERROR_SECRET_KEY);
    }
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(secret_key_make(folder->file, &err), 0);
    assert_int_equal(secret_key_make(folder->file, &err), -1);
    assert_int_equal(secret_key_open(folder->file, &key, &err), 0);
    secret_key_close(key);
    assert_int_equal(chmod(folder->file, 0640), 0);
    assert_int_equal(secret_key_open(folder->file, &key, &err), -1);
    assert_non_null(strstr(err.message, "by others"));
}

static void what_is_damaged_or_renamed_is_told(void **state)
{
    struct bench bench;
    struct error err;
    struct locked value = {0};
    bench_open(&bench, *state);
    put(&bench, "one", "1");
    put(&bench, "two", "2");
    cleanup_free char *one = file_of(&bench, "one"), *two = file_of(&bench, "two"), *bytes = NULL;
    size_t size;
    assert_int_equal(rename(two, one), 0); /* a value under another name */
    assert_int_equal(fs_read_file(one, 4096, &bytes, &size, &err), 0);
    bytes[size - 1] ^= 1;
    assert_int_equal(fs_write_file(two, bytes, size, 0600, &err), 0);
    cleanup_free char *stray = xasprintf("%s/secrets/three.sealed.0a1b2c3d.tmp", bench.state);
    assert_int_equal(fs_write_file(stray, "x", 1, 0600, &err), 0);
    bench_again(&bench);
    assert_int_equal(secret_store_known(bench.store)->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const char *name = i ? "two" : "one";
        assert_non_null(strstr(known(&bench, name)->problem, "is damaged"));
        assert_int_equal(secret_store_reveal(bench.store, name, "", &value, &err), -1);
        assert_int_equal(err.code, ERROR_SECRET_DAMAGED);
    }
    put(&bench, "one", "1"); /* mended */
    assert_value(&bench, "one", "1");
    bench_close(&bench);
}

/* The digest of the value that it has; copied into `digest`. */
static void note_digest(const struct bench *bench, const char *name, char digest[HASH_HEX_SIZE])
{
    snprintf(digest, HASH_HEX_SIZE, "%s", known(bench, name)->digest);
}

static void former_values_are_there_for_who_has_them(void **state)
{
    struct bench bench;
    struct error err;
    char digests[FORMER_VALUES_MAX + 2][HASH_HEX_SIZE];
    bench_open(&bench, *state);
    for (int i = 0; i < FORMER_VALUES_MAX + 2; i++) {
        put(&bench, "token", (char[]){(char)('a' + i), '\0'});
        note_digest(&bench, "token", digests[i]);
    }
    assert_value_of(&bench, "token", digests[FORMER_VALUES_MAX + 1], "f");
    assert_value_of(&bench, "token", digests[1], "b");
    assert_value_of(&bench, "token", digests[0], "f"); /* forgotten: the one of now */
    assert_int_equal(secret_store_reload(bench.store, &err), 0);
    assert_value_of(&bench, "token", digests[1], "b");

    assert_int_equal(secret_store_remove(bench.store, "token", &err), 0);
    put(&bench, "token", "new");
    assert_value_of(&bench, "token", digests[1], "new");
    bench_again(&bench);
    assert_value_of(&bench, "token", digests[1], "new");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(values_are_there_again_after_a_restart),
        FOLDER_TEST(files_are_closed_and_say_nothing),
        FOLDER_TEST(digests_need_the_key),
        FOLDER_TEST(names_and_sizes_have_limits),
        FOLDER_TEST(what_no_variable_can_hold_is_known),
        FOLDER_TEST(without_its_key_nothing_is_set_or_told),
        FOLDER_TEST(key_file_must_be_its_owners_alone),
        FOLDER_TEST(what_is_damaged_or_renamed_is_told),
        FOLDER_TEST(former_values_are_there_for_who_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
