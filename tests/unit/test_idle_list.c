/* Who has idled longest: the order of idling, and how long the first has. */
#include "gateway/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT 3

static struct idle_list list;
static struct client clients[COUNT];

/* One after the other idles, from 10 ms on. */
static int set_up(void **state)
{
    (void)state;
    idle_list_init(&list);
    for (int i = 0; i < COUNT; i++) {
        clients[i] = (struct client){0};
        idle_list_put(&list, &clients[i], IDLE_SILENT, 10 + (uint64_t)i);
    }
    return 0;
}

static void check_first(enum idle_kind kind, const struct client *client, uint64_t since_ms)
{
    assert_ptr_equal(idle_list_first(&list, kind), client);
    assert_int_equal(idle_list_since_ms(&list, kind), since_ms);
}

static void test_the_longest_comes_first(void **state)
{
    (void)state;
    check_first(IDLE_SILENT, &clients[0], 10);
    idle_list_remove(&list, &clients[0]);
    check_first(IDLE_SILENT, &clients[1], 11);
    idle_list_put(&list, &clients[0], IDLE_SILENT, 20);
    check_first(IDLE_SILENT, &clients[1], 11);
    idle_list_remove(&list, &clients[2]);
    idle_list_remove(&list, &clients[1]);
    check_first(IDLE_SILENT, &clients[0], 20);
    idle_list_remove(&list, &clients[0]);
    check_first(IDLE_SILENT, NULL, IDLE_NEVER);
}

static void test_idling_on_changes_nothing(void **state)
{
    (void)state;
    idle_list_put(&list, &clients[0], IDLE_SILENT, 30);
    check_first(IDLE_SILENT, &clients[0], 10);
    idle_list_remove(&list, &clients[0]);
    idle_list_remove(&list, &clients[0]);
    check_first(IDLE_SILENT, &clients[1], 11);
}

static void test_part_of_a_head_is_another_list(void **state)
{
    (void)state;
    check_first(IDLE_IN_HEAD, NULL, IDLE_NEVER);
    idle_list_put(&list, &clients[0], IDLE_IN_HEAD, 30);
    check_first(IDLE_SILENT, &clients[1], 11);
    check_first(IDLE_IN_HEAD, &clients[0], 30);
    idle_list_remove(&list, &clients[0]);
    check_first(IDLE_IN_HEAD, NULL, IDLE_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_longest_comes_first, set_up),
        cmocka_unit_test_setup(test_idling_on_changes_nothing, set_up),
        cmocka_unit_test_setup(test_part_of_a_head_is_another_list, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
