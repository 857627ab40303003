/* Digests of texts. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_digest(const char *text, const char *expected)
{
    char hex[HASH_HEX_SIZE];
    struct hash *hash = hash_create();
    for (const char *p = text; *p; p++)
        hash_update(hash, p, 1);
    hash_finish(hash, hex);
    assert_string_equal(hex, expected);
}

static void test_hash_known_values(void **state)
{
    (void)state;
    check_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void hash_two(const char *first, const char *second, char ret_hex[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update_text(hash, first);
    hash_update_text(hash, second);
    hash_finish(hash, ret_hex);
}

static void test_hash_texts_do_not_run_together(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}, {NULL, "abc"}};
    char digests[5][HASH_HEX_SIZE], again[HASH_HEX_SIZE];
    for (size_t i = 0; i < 5; i++) {
        hash_two(pairs[i][0], pairs[i][1], digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
    }
    hash_two("ab", "c", again);
    assert_string_equal(again, digests[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_known_values),
        cmocka_unit_test(test_hash_texts_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
