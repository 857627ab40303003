/* The slots of one instance: awaited, lent, drained and retired. */
#include "slot_bench.h"

struct usage {
    unsigned slots, busy;
    uint64_t idle_since_ms;
};

static struct usage usage(const struct slot_group *group)
{
    struct usage result;
    slot_group_usage(group, &result.slots, &result.busy, &result.idle_since_ms);
    return result;
}

/* What a runner is to open counts for those who wait, until it has had its time or its connections begin to
 * go. */
static void awaited_slots_count_no_longer_than_they_may_come(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = slot_group_create(bench->pool, 1);
    slot_group_await(group, 3);
    assert_int_equal(counts(bench->pool).starting, 3);
    slot_pool_set_starting(bench->pool, 2);
    slot_group_add_slot(group, any_fd(), 1);
    assert_int_equal(counts(bench->pool).starting, 4);
    slot_pool_set_starting(bench->pool, 0);
    struct slot *slot = take(bench);
    join(bench);
    assert_int_equal(bench->seen.demands, 0);
    give_back(bench, slot, SLOT_LOST, 1);
    assert_int_equal(bench->seen.demands, 1);
    assert_int_equal(counts(bench->pool).starting, 0);
    slot_pool_arm_demand(bench->pool);

    slot_group_await(group, 1);
    assert_int_equal(slot_group_settle(group), 0);
    assert_int_equal(bench->seen.demands, 2);
    assert_int_equal(counts(bench->pool).starting, 0);
    slot_group_await(group, 5);
    slot_group_retire(group, RETIRE_IF_IDLE);
    assert_int_equal(counts(bench->pool).starting, 0);
}

static void retires_only_what_is_idle(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_group(bench->pool, 7, 2);
    struct slot *slot = take(bench);
    assert_false(slot_group_retire(group, RETIRE_IF_IDLE));
    assert_int_equal(usage(group).slots, 2);
    assert_int_equal(usage(group).busy, 1);
    assert_int_equal(usage(group).idle_since_ms, 0);
    release(bench, slot);
    assert_int_equal(usage(group).idle_since_ms, 2000);
    assert_true(slot_group_retire(group, RETIRE_IF_IDLE));
    assert_int_equal(counts(bench->pool).idle, 0);
    assert_int_equal(counts(bench->pool).instances, 0);
    assert_int_equal(bench->seen.drained, 0);
}

static void drains_busy_slots(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_group(bench->pool, 7, 2);
    struct slot *slot = take(bench);
    assert_true(slot_group_retire(group, RETIRE_DRAIN));
    assert_int_equal(bench->seen.drained, 0);
    struct asker *asker = join(bench);
    release(bench, slot);
    assert_int_equal(bench->seen.drained, 1);
    assert_int_equal(bench->seen.last_drained, 7);
    give_up(asker); /* the drained slot did not go to it */
    group = slot_group_create(bench->pool, 8);
    assert_true(slot_group_retire(group, RETIRE_DRAIN));
    assert_int_equal(bench->seen.last_drained, 8);
}

static void on_leaving(struct slot *slot)
{
    slot->link = NULL;
    slot->home = -1;
    slot->watcher = NULL;
}

static void a_slot_on_loan_is_busy_and_its_watch_ends(void **state)
{
    static const struct slot_watcher watcher = {.leaving = on_leaving};
    struct slot_bench *bench = *state;
    int link;
    struct slot_group *group = add_group(bench->pool, 7, 1);
    struct slot *slot = take(bench);
    assert_false(borrow(bench, group));
    slot->watcher = &watcher;
    slot->link = &link;
    release(bench, slot);
    assert_true(borrow(bench, group));
    assert_ptr_equal(bench->loan.slot, slot);
    assert_null(slot->link);
    assert_int_equal(counts(bench->pool).busy, 1);
    assert_false(borrow(bench, group));
    assert_false(slot_group_retire(group, RETIRE_IF_IDLE));
    return_loan(bench, 3000);
    assert_int_equal(counts(bench->pool).busy, 0);
}

static void a_loan_leaves_the_group_idle_since_before_unless_it_is_used(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_group(bench->pool, 7, 2);
    release(bench, take(bench));
    assert_true(borrow(bench, group));
    return_loan(bench, 3000);
    assert_int_equal(usage(group).idle_since_ms, 2000);
    assert_true(borrow(bench, group));
    release(bench, take(bench));
    return_loan(bench, 3000);
    assert_int_equal(usage(group).idle_since_ms, 3000);
}

static void a_slot_on_loan_is_waited_for_by_a_drain(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_group(bench->pool, 7, 2);
    assert_true(borrow(bench, group));
    slot_group_retire(group, RETIRE_DRAIN);
    assert_int_equal(bench->seen.drained, 0);
    return_loan(bench, 4000);
    assert_int_equal(bench->seen.drained, 1);
    assert_int_equal(counts(bench->pool).busy, 0);
}

/* What comes while all slots are busy, one of them on loan, gets that one. */
static void a_slot_on_loan_goes_to_who_waits(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_group(bench->pool, 7, 1);
    assert_true(borrow(bench, group));
    struct slot *slot = bench->loan.slot;
    struct asker *asker = join(bench);
    return_loan(bench, 3000);
    deliver(bench);
    assert_ptr_equal(asker->waiter.slot, slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOT_TEST(awaited_slots_count_no_longer_than_they_may_come),
        SLOT_TEST(retires_only_what_is_idle),
        SLOT_TEST(drains_busy_slots),
        SLOT_TEST(a_slot_on_loan_is_busy_and_its_watch_ends),
        SLOT_TEST(a_loan_leaves_the_group_idle_since_before_unless_it_is_used),
        SLOT_TEST(a_slot_on_loan_is_waited_for_by_a_drain),
        SLOT_TEST(a_slot_on_loan_goes_to_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
