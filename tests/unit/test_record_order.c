/* The records of several workers come in the order of their ends. */
#include "gateway/record_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RINGS 3

static struct record_ring rings[RINGS];
static struct record_ring *const all[RINGS] = {&rings[0], &rings[1], &rings[2]};

static void end_at(unsigned ring, uint64_t end_ns)
{
    struct request_record *record = record_ring_reserve(&rings[ring], sizeof(*record));
    assert_non_null(record);
    *record = (struct request_record){.times.end_ns = end_ns};
    record_ring_commit(&rings[ring]);
}

static void expect(uint64_t until_ns, const uint64_t *ends, size_t count)
{
    struct record_ring *ring = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct request_record *record = record_order_first(all, RINGS, until_ns, &ring);
        assert_non_null(record);
        assert_true(record->times.end_ns == ends[i]);
        record_ring_drop_first(ring);
    }
    assert_null(record_order_first(all, RINGS, until_ns, &ring));
}

static int begin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        record_ring_init(&rings[i]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        record_ring_clear(&rings[i]);
    return 0;
}

static void of_all_rings_the_first_to_end_comes_first(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 9; at++)
        end_at(at % 4 == 0 ? 2 : at % 2, at * 10);
    expect(UINT64_MAX, (const uint64_t[]){10, 20, 30, 40, 50, 60, 70, 80, 90}, 9);
}

static void what_ends_later_is_left(void **state)
{
    (void)state;
    end_at(0, 30);
    end_at(1, 10);
    end_at(1, 20);
    end_at(2, 21);
    expect(20, (const uint64_t[]){10, 20}, 2);
    expect(30, (const uint64_t[]){21, 30}, 2);
}

static void those_of_the_same_moment_all_come(void **state)
{
    (void)state;
    for (unsigned ring = 0; ring < RINGS; ring++) {
        end_at(ring, 0);
        end_at(ring, 5);
    }
    expect(5, (const uint64_t[]){0, 0, 0, 5, 5, 5}, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_all_rings_the_first_to_end_comes_first, begin, end),
        cmocka_unit_test_setup_teardown(what_ends_later_is_left, begin, end),
        cmocka_unit_test_setup_teardown(those_of_the_same_moment_all_come, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
