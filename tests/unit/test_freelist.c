#include "gateway/freelist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE   64
#define KEEP   4
#define BLOCKS 6

static struct freelist list;
static void *blocks[BLOCKS];

static int begin(void **state)
{
    (void)state;
    freelist_init(&list, SIZE, KEEP);
    return 0;
}

static int end(void **state)
{
    (void)state;
    freelist_clear(&list);
    assert_null(list.first);
    assert_int_equal(list.kept, 0);
    return 0;
}

static void take(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        blocks[i] = freelist_take(&list);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i + 1, SIZE);
    }
}

static void give(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        freelist_give(&list, blocks[i]);
}

/* AddressSanitizer's builds keep nothing, so that what is used too late is seen. */
static void need_kept_blocks(void)
{
    take(BLOCKS);
    give(BLOCKS);
    if (list.keep > 0)
        return;
    assert_int_equal(list.kept, 0);
    assert_int_equal(freelist_trim(&list), 0);
    skip();
}

static void test_last_given_is_first_taken(void **state)
{
    (void)state;
    need_kept_blocks();
    assert_int_equal(list.kept, KEEP);
    for (int i = KEEP - 1; i >= 0; i--)
        assert_ptr_equal(freelist_take(&list), blocks[i]);
    assert_int_equal(list.kept, 0);
    give(KEEP);
}

static void test_what_was_needed_since_the_last_trim_stays(void **state)
{
    (void)state;
    need_kept_blocks();
    assert_int_equal(freelist_trim(&list), 0);
    take(3);
    give(3);
    assert_int_equal(freelist_trim(&list), (KEEP - 3) * SIZE);
    assert_int_equal(list.kept, 3);
    take(1);
    give(1);
    take(2);
    give(2);
    take(1);
    give(1);
    assert_int_equal(freelist_trim(&list), SIZE);
    assert_int_equal(list.kept, 2);
}

static void test_a_quiet_time_frees_everything(void **state)
{
    (void)state;
    need_kept_blocks();
    assert_int_equal(freelist_trim(&list), 0);
    assert_int_equal(freelist_trim(&list), KEEP * SIZE);
    assert_int_equal(freelist_trim(&list), 0);
    assert_null(list.first);
    take(2);
    give(2);
    assert_int_equal(list.kept, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_given_is_first_taken, begin, end),
        cmocka_unit_test_setup_teardown(test_what_was_needed_since_the_last_trim_stays, begin, end),
        cmocka_unit_test_setup_teardown(test_a_quiet_time_frees_everything, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
