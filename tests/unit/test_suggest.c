/* Which name was meant. */
#include "base/suggest.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_suggest(void **state)
{
    (void)state;
    static const char *const words[] = {"concurrency", "memory", "min_scale", "max_scale", "cpus"};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"concurency", "concurrency"},
        {"memroy", "memory"},
        {"mem", NULL},
        {"cpu", "cpus"},
        {"min-scale", "min_scale"},
        {"x", NULL},
        {"max_scale", "max_scale"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *nearest = suggest_nearest(rows[i].word, words, 5);
        if (rows[i].nearest)
            assert_string_equal(nearest, rows[i].nearest);
        else
            assert_null(nearest);
    }
    assert_null(suggest_nearest("memory", words, 0));
}

/* The whole table, cell by cell. */
static unsigned table_distance(const char *a, const char *b)
{
    static unsigned table[65][65];
    size_t a_length = strlen(a), b_length = strlen(b);
    for (size_t i = 0; i <= a_length; i++) {
        for (size_t j = 0; j <= b_length; j++) {
            unsigned least = i == 0 ? (unsigned)j : table[i - 1][j] + 1;
            if (j > 0 && (i == 0 || table[i][j - 1] + 1 < least))
                least = table[i][j - 1] + 1;
            if (i > 0 && j > 0 && table[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < least)
                least = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                table[i - 2][j - 2] + 1 < least)
                least = table[i - 2][j - 2] + 1;
            table[i][j] = least;
        }
    }
    return table[a_length][b_length];
}

static void random_word(unsigned *seed, char word[65])
{
    size_t length = (size_t)(rand_r(seed) % 65);
    int letters = 1 + rand_r(seed) % 4;
    for (size_t i = 0; i < length; i++)
        word[i] = (char)(rand_r(seed) % letters * 85 + 1); /* beyond ASCII too */
    word[length] = '\0';
}

static unsigned slip(const char *a, const char *b)
{
    struct suggest_word word;
    suggest_word_init(&word, a, strlen(a));
    return suggest_slip(&word, b);
}

static void test_slips_are_those_of_the_table(void **state)
{
    (void)state;
    unsigned seed = 20261128, near = 0;
    for (int round = 0; round < 20000; round++) {
        char a[65], b[65];
        random_word(&seed, a);
        random_word(&seed, b);
        size_t longer = strlen(a) > strlen(b) ? strlen(a) : strlen(b);
        size_t limit = longer / 3 > 1 ? longer / 3 : 1;
        unsigned distance = table_distance(a, b);
        assert_int_equal(slip(a, b), distance <= limit ? distance : UINT_MAX);
        near += distance <= limit;
    }
    assert_in_range(near, 1000, 19000);
}

static void test_slips(void **state)
{
    (void)state;
    assert_int_equal(slip("", ""), 0);
    assert_int_equal(slip("", "a"), 1);
    assert_int_equal(slip("a", ""), 1);
    assert_int_equal(slip("abc", ""), UINT_MAX);
    assert_int_equal(slip("abc", "abd"), 1);
    assert_int_equal(slip("abc", "acb"), 1);
    assert_int_equal(slip("kitten", "sitten"), 1);
    assert_int_equal(slip("kitten", "sitting"), UINT_MAX);
    char longer[80];
    memset(longer, 'a', sizeof(longer));
    longer[65] = '\0';
    assert_int_equal(slip(longer, longer), UINT_MAX);
    longer[64] = '\0';
    assert_int_equal(slip(longer, longer), 0);
    longer[63] = '\0';
    assert_int_equal(slip(longer, "a"), UINT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_slips_are_those_of_the_table),
        cmocka_unit_test(test_slips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
