/* The host's budget: how many further instances it allows. */
#include "fleet/engine/budget.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB(n) ((uint64_t)(n) << 20)

static void room_by_count_and_by_memory(void **state)
{
    (void)state;
    static const struct {
        struct budget budget;
        uint64_t memory_bytes;
        unsigned room;
    } cases[] = {
        {{10, 0, MIB(1000), 0}, MIB(100), 10},
        {{10, 4, MIB(1000), MIB(400)}, MIB(100), 6},
        {{10, 10, MIB(1000), MIB(400)}, MIB(100), 0},
        {{10, 12, MIB(1000), MIB(400)}, MIB(100), 0}, /* the limit has been lowered */
        {{10, 4, MIB(1000), MIB(950)}, MIB(100), 0},
        {{10, 4, MIB(1000), MIB(900)}, MIB(100), 1},
        {{10, 4, MIB(1000), MIB(1000)}, 0, 0},
        {{10, 4, MIB(1000), MIB(1200)}, MIB(1), 0},
        {{10, 4, MIB(1000), MIB(100)}, 0, 6},
        {{UINT_MAX, 0, UINT64_MAX, 0}, 1, UINT_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(budget_room(&cases[i].budget, cases[i].memory_bytes), cases[i].room);
}

static void prewarmed_instances_are_room(void **state)
{
    (void)state;
    static const struct {
        struct budget budget;
        uint64_t memory_bytes;
        unsigned ready;
        uint64_t ready_bytes;
        unsigned room;
    } cases[] = {
        {{4, 4, MIB(1000), MIB(400)}, MIB(100), 2, MIB(100), 2}, /* full but for them */
        {{6, 4, MIB(1000), MIB(400)}, MIB(100), 2, MIB(100), 4}, /* them and two more */
        {{6, 4, MIB(1000), MIB(400)}, MIB(50), 2, MIB(100), 4}, /* a smaller function */
        {{9, 4, MIB(1000), MIB(1000)}, MIB(100), 2, MIB(100), 2}, /* no memory for others */
        {{9, 4, MIB(1000), MIB(900)}, MIB(200), 2, MIB(100), 1}, /* each takes 100 more */
        {{9, 4, MIB(1000), MIB(700)}, MIB(200), 2, MIB(100), 2}, /* 100 are left, too few for one more */
        {{9, 4, MIB(1000), MIB(600)}, MIB(200), 2, MIB(100), 3},
        {{9, 4, MIB(1000), MIB(1100)}, MIB(200), 2, MIB(100), 0},
        {{9, 4, MIB(1000), MIB(600)}, MIB(200), 0, 0, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned room =
            budget_room_with(&cases[i].budget, cases[i].memory_bytes, cases[i].ready, cases[i].ready_bytes);
        if (room != cases[i].room)
            fail_msg("case %zu: %u, expected %u", i, room, cases[i].room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_by_count_and_by_memory),
        cmocka_unit_test(prewarmed_instances_are_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
