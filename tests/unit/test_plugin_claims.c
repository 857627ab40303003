/* Who gets a word that several plugins ask for. */
#include "prepare/plugin_claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALIASES_MAX 3

/* A plugin of the tests: its file, its name (NULL: it cannot be used) and its aliases. */
struct given {
    const char *path, *name;
    const char *aliases[ALIASES_MAX];
};

static const struct given python = {"python.so", "python", {"py", "python3"}};
static const struct given broken_python = {"python.so", NULL, {NULL}};
static const struct given twin = {"a.so", "python", {"twin"}};
static const struct given thief = {"a.so", "thief", {"Python", "py", "loot"}};
static const struct given called_py = {"z.so", "py", {"loot"}};

/* Settles and gives, for each plugin, what it lost: "name" or aliases, separated by blanks. */
static void settle(struct plugin_claims *claims, const struct given *const *plugins, char lost[][64])
{
    struct language languages[4] = {0};
    struct plugin_claimant claimants[4] = {0};
    const char *taken_by[4][ALIASES_MAX];
    size_t count = 0;
    for (; plugins[count]; count++) {
        const struct given *given = plugins[count];
        languages[count].name = (char *)given->name;
        languages[count].aliases = (char **)given->aliases;
        while (languages[count].alias_count < ALIASES_MAX && given->aliases[languages[count].alias_count])
            languages[count].alias_count++;
        claimants[count] = (struct plugin_claimant){.path = given->path,
                                                    .language = given->name ? &languages[count] : NULL,
                                                    .alias_taken_by = taken_by[count]};
    }
    plugin_claims_settle(claims, claimants, count);
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(lost[i], 64, "%s", claimants[i].name_taken_by ? "name" : "");
        for (size_t a = 0; a < languages[i].alias_count && claimants[i].language; a++) {
            if (taken_by[i][a])
                length += snprintf(lost[i] + length, 64 - (size_t)length, "%s>%s ", languages[i].aliases[a],
                                   taken_by[i][a]);
        }
    }
}

#define SETTLE(...) settle(claims, (const struct given *const[]){__VA_ARGS__, NULL}, lost)

static void test_name_wins_over_alias(void **state)
{
    (void)state;
    char lost[4][64];
    struct plugin_claims *claims = plugin_claims_create();
    SETTLE(&thief, &python); /* both at the first start: py goes by the order of the files */
    assert_string_equal(lost[0], "Python>python.so ");
    assert_string_equal(lost[1], "py>a.so ");
    SETTLE(&thief, &python, &called_py);
    assert_string_equal(lost[0], "Python>python.so py>z.so ");
    assert_string_equal(lost[1], "py>z.so ");
    assert_string_equal(lost[2], "loot>a.so ");
    plugin_claims_destroy(claims);
}

static void test_incumbent_wins_over_newcomer(void **state)
{
    (void)state;
    char lost[4][64];
    struct plugin_claims *claims = plugin_claims_create();
    SETTLE(&python);
    assert_string_equal(lost[0], "");
    SETTLE(&thief, &python);
    assert_string_equal(lost[0], "Python>python.so py>python.so ");
    assert_string_equal(lost[1], "");
    SETTLE(&twin, &python); /* the same file, by another name of the language */
    assert_string_equal(lost[0], "name");
    assert_string_equal(lost[1], "");
    plugin_claims_destroy(claims);
}

static void test_broken_file_keeps_its_words(void **state)
{
    (void)state;
    char lost[4][64];
    struct plugin_claims *claims = plugin_claims_create();
    SETTLE(&python);
    SETTLE(&twin, &broken_python);
    assert_string_equal(lost[0], "name");
    SETTLE(&thief, &broken_python);
    assert_string_equal(lost[0], "Python>python.so py>python.so ");
    SETTLE(&thief, &python);
    assert_string_equal(lost[0], "Python>python.so py>python.so ");
    SETTLE(&thief); /* it has gone */
    assert_string_equal(lost[0], "");
    plugin_claims_destroy(claims);
}

static void test_order_decides_at_the_first_start(void **state)
{
    (void)state;
    char lost[4][64];
    struct plugin_claims *claims = plugin_claims_create();
    SETTLE(&twin, &python);
    assert_string_equal(lost[0], "");
    assert_string_equal(lost[1], "name"); /* and takes no part in the rest */
    plugin_claims_destroy(claims);
    plugin_claims_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_wins_over_alias),
        cmocka_unit_test(test_incumbent_wins_over_newcomer),
        cmocka_unit_test(test_broken_file_keeps_its_words),
        cmocka_unit_test(test_order_decides_at_the_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
