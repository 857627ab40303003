/* Which images go. */
#include "prepare/image/image_prune.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct prunable_image machine[] = {
    {"py:1", "python", IMAGE_RUNTIME, 100},       {"py:3", "python", IMAGE_RUNTIME, 300},
    {"sh:1", "shell", IMAGE_RUNTIME, 150},        {"py:2", "python", IMAGE_RUNTIME, 200},
    {"py:4", "python", IMAGE_RUNTIME, 400},       {"sh:2", "shell", IMAGE_RUNTIME, 50},
    {"build-py:1", "python", IMAGE_BUILDER, 350}, {"build-py:2", "python", IMAGE_BUILDER, 450},
    {"sys-py:1", "python", IMAGE_SYSTEM, 120},    {"sys-sh:1", "shell", IMAGE_SYSTEM, 220},
    {"sys-py:2", "python", IMAGE_SYSTEM, 320},    {"own:1", "web", IMAGE_FUNCTION, 10},
    {"own:2", "web", IMAGE_FUNCTION, 20},
};

#define COUNT (sizeof(machine) / sizeof(machine[0]))

/* Exactly these are chosen. */
static void expect(const char *const *used, size_t used_count, unsigned newest, unsigned system,
                   const char *const *doomed)
{
    struct prunable_image images[COUNT];
    memcpy(images, machine, sizeof(machine));
    const struct image_budget budget = {.of_runtime = newest, .system = system};
    size_t count = image_prune_choose(images, COUNT, used, used_count, &budget), expected = 0;
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
    expect(NULL, 0, 1, COUNT,
           (const char *const[]){"py:1", "py:2", "py:3", "sh:2", "build-py:1", "own:1", NULL});
    expect(NULL, 0, 2, COUNT, (const char *const[]){"py:1", "py:2", NULL});
    expect(NULL, 0, 4, COUNT, (const char *const[]){NULL});
    assert_int_equal(image_prune_choose(NULL, 0, NULL, 0, &(struct image_budget){1, 1}), 0);
}

static void what_is_used_stays_however_old(void **state)
{
    (void)state;
    static const char *const used[] = {"py:1", "sh:2", "build-py:1", "own:1"};
    expect(used, 4, 1, COUNT, (const char *const[]){"py:2", "py:3", NULL});
}

static void unused_system_images_are_counted_together(void **state)
{
    (void)state;
    static const char *const used[] = {"sys-py:2"};
    expect(NULL, 0, COUNT, 3, (const char *const[]){NULL});
    expect(NULL, 0, COUNT, 2, (const char *const[]){"sys-py:1", NULL});
    expect(used, 1, COUNT, 2, (const char *const[]){NULL});
    expect(used, 1, COUNT, 1, (const char *const[]){"sys-py:1", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_runtime_stay),
        cmocka_unit_test(what_is_used_stays_however_old),
        cmocka_unit_test(unused_system_images_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
