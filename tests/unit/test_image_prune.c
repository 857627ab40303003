/* Which runtime images are superseded. */
#include "prepare/image/image_prune.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct prunable_image machine[] = {
    {"py:1", "python", false, 100},      {"py:3", "python", false, 300},      {"sh:1", "shell", false, 150},
    {"py:2", "python", false, 200},      {"py:4", "python", false, 400},      {"sh:2", "shell", false, 50},
    {"build-py:1", "python", true, 350}, {"build-py:2", "python", true, 450},
};

#define COUNT (sizeof(machine) / sizeof(machine[0]))

/* Exactly these are chosen. */
static void expect(const char *const *used, size_t used_count, unsigned newest, const char *const *doomed)
{
    struct prunable_image images[COUNT];
    memcpy(images, machine, sizeof(machine));
    size_t count = image_prune_choose(images, COUNT, used, used_count, newest), expected = 0;
    for (; doomed[expected]; expected++) {
        size_t found = 0;
        for (size_t i = 0; i < count; i++)
            found += strcmp(images[i].name, doomed[expected]) == 0;
        assert_int_equal(found, 1);
    }
    assert_int_equal(count, expected);
}

static void the_newest_of_each_runtime_stay(void **state)
{
    (void)state;
    expect(NULL, 0, 1, (const char *const[]){"py:1", "py:2", "py:3", "sh:2", "build-py:1", NULL});
    expect(NULL, 0, 2, (const char *const[]){"py:1", "py:2", NULL});
    expect(NULL, 0, 4, (const char *const[]){NULL});
    assert_int_equal(image_prune_choose(NULL, 0, NULL, 0, 1), 0);
}

static void what_is_used_stays_however_old(void **state)
{
    (void)state;
    static const char *const used[] = {"py:1", "sh:2", "build-py:1"};
    expect(used, 3, 1, (const char *const[]){"py:2", "py:3", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_runtime_stay),
        cmocka_unit_test(what_is_used_stays_however_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
