/* Those who wait for a slot: their order, the demand that they make, and how their waiting ends. */
#include "slot_bench.h"

static const struct error removed = {ERROR_REMOVED, COMPONENT_FLEET, "the function has been removed", ""};

/* --- the queue --- */

static void serves_in_order(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *first = join(bench), *second = join(bench), *third = join(bench);
    assert_true(first->waiter.cold);
    add_group(bench->pool, 1, 1);
    deliver(bench);
    assert_int_equal(first->deliveries, 1);
    assert_int_equal(second->deliveries, 0);
    struct slot *slot = first->waiter.slot;
    release(bench, slot);
    release(bench, slot); /* handed on to the second, then to the third */
    deliver(bench);
    assert_int_equal(second->deliveries, 1);
    assert_int_equal(third->deliveries, 1);
    assert_true(second->order < third->order);
    assert_ptr_equal(third->waiter.slot, slot);
    release(bench, slot);
    assert_int_equal(counts(bench->pool).waiting, 0);
    assert_int_equal(counts(bench->pool).idle, 1);
}

static void refuses_when_it_is_full(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *first = join(bench);
    for (int i = 1; i < 4; i++)
        join(bench);
    assert_int_equal(ask(bench), SLOT_REFUSED);
    assert_int_equal(counts(bench->pool).refused, 1);
    assert_int_equal(counts(bench->pool).oldest_wait_since_ms, 1000);
    for (int i = 0; i < 4; i++)
        give_up(first + i);
    assert_int_equal(counts(bench->pool).waiting, 0);
}

static void who_gives_up_leaves_the_others_in_order(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *first = join(bench), *second = join(bench), *third = join(bench), *last = join(bench);
    give_up(second);
    give_up(last);
    add_group(bench->pool, 1, 1);
    deliver(bench);
    release(bench, first->waiter.slot);
    deliver(bench);
    assert_int_equal(third->deliveries, 1);
    assert_int_equal(counts(bench->pool).waiting, 0);
}

static void cancelling_loses_against_a_grant(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *asker = join(bench);
    add_group(bench->pool, 1, 1);
    assert_false(slot_waiter_cancel(&asker->waiter));
    deliver(bench);
    assert_int_equal(asker->deliveries, 1);
    assert_non_null(asker->waiter.slot);
}

/* --- demand --- */

static void demand_is_told_once_until_it_is_armed_again(void **state)
{
    struct slot_bench *bench = *state;
    slot_pool_set_starting(bench->pool, 1);
    join(bench);
    assert_int_equal(bench->seen.demands, 0); /* the starting slot will serve it */
    join(bench);
    assert_int_equal(bench->seen.demands, 1);
    join(bench);
    assert_int_equal(bench->seen.demands, 1);
    assert_int_equal(counts(bench->pool).waiting, 3); /* whoever reads changes nothing */
    struct asker *last = join(bench);
    assert_int_equal(bench->seen.demands, 1);
    give_up(last);
    slot_pool_arm_demand(bench->pool);
    join(bench);
    assert_int_equal(bench->seen.demands, 2);
}

static void a_lost_connection_tells_demand(void **state)
{
    struct slot_bench *bench = *state;
    add_group(bench->pool, 1, 1);
    struct slot *slot = take(bench);
    slot_pool_set_starting(bench->pool, 1);
    assert_false(join(bench)->waiter.cold);
    slot_pool_set_starting(bench->pool, 0);
    assert_int_equal(bench->seen.demands, 0);
    give_back(bench, slot, SLOT_BROKEN, 1);
    assert_int_equal(bench->seen.demands, 1);
    assert_int_equal(counts(bench->pool).instances, 0);
}

/* --- reasons --- */

static void who_gives_up_knows_the_limit(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *asker = join(bench);
    slot_pool_set_limit(bench->pool, "max_scale");
    give_up(asker);
    assert_string_equal(asker->waiter.limit, "max_scale");
    slot_pool_set_limit(bench->pool, NULL);
    asker = join(bench);
    give_up(asker);
    assert_null(asker->waiter.limit);
}

static void who_waits_knows_the_trouble(void **state)
{
    struct slot_bench *bench = *state;
    struct error trouble, seen;
    error_set(&trouble, ERROR_DOCKER_UNREACHABLE, "nobody listens");
    struct asker *asker = join(bench);
    assert_false(slot_waiter_trouble(&asker->waiter, &seen));
    slot_pool_set_trouble(bench->pool, &trouble);
    assert_true(slot_waiter_trouble(&asker->waiter, &seen));
    assert_string_equal(seen.message, "nobody listens");
    slot_pool_set_trouble(bench->pool, NULL);
    assert_false(slot_waiter_trouble(&asker->waiter, &seen));
    slot_pool_set_trouble(bench->pool, &trouble);
    give_up(asker);
}

/* --- a pool that will not serve --- */

/* Its mail has come, and it says why. */
static void assert_told(struct slot_bench *bench, struct asker *asker)
{
    assert_false(slot_waiter_cancel(&asker->waiter));
    deliver(bench);
    assert_int_equal(asker->deliveries, 1);
    assert_null(asker->waiter.slot);
    assert_string_equal(error_code_slug(asker->waiter.error->code), "removed");
}

static void each_fails_with_a_copy(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *first = join(bench), *second = join(bench);
    struct error error;
    error_set(&error, ERROR_LOAD_FAILED, "no");
    assert_int_equal(slot_pool_fail_waiters(bench->pool, &error), 2);
    deliver(bench);
    assert_string_equal(first->waiter.error->message, "no");
    assert_string_equal(second->waiter.error->message, "no");
    assert_ptr_not_equal(first->waiter.error, second->waiter.error);
    assert_true(first->order < second->order);
    assert_null(first->waiter.slot);
}

static void a_closed_pool_tells_those_who_wait_and_those_who_come(void **state)
{
    struct slot_bench *bench = *state;
    struct asker *early = join(bench);
    slot_pool_close(bench->pool, &removed);
    assert_told(bench, early);
    assert_told(bench, join(bench));
    slot_pool_close(bench->pool, &removed);
    struct asker *later = join(bench);
    slot_pool_unref(bench->pool); /* the request still has it */
    bench->pool = NULL;
    assert_told(bench, later);
}

/* --- another pool instead --- */

static void a_successor_takes_the_queue_over(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *successor = other_pool(bench);
    add_group(successor, 2, 1);
    struct asker *first = join(bench), *second = join(bench);
    slot_pool_replace(bench->pool, successor);
    deliver(bench);
    assert_int_equal(first->deliveries, 1);
    assert_int_equal(second->deliveries, 0);
    assert_int_equal(counts(successor).waiting, 1);
    assert_int_equal(counts(bench->pool).waiting, 0);
    struct asker *third = join(bench); /* through the old one */
    assert_int_equal(counts(successor).waiting, 2);
    bench->other = NULL;
    slot_pool_unref(successor); /* the old one still refers to it */
    give_up(second);
    release(bench, first->waiter.slot);
    deliver(bench);
    assert_non_null(third->waiter.slot);
}

/* Until the requests of the successor show how long they take. */
static void a_successor_is_taken_to_be_as_quick(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *successor = other_pool(bench);
    add_group(bench->pool, 1, 1);
    give_back(bench, take(bench), SLOT_REUSABLE, 8000);
    slot_pool_replace(bench->pool, successor);
    assert_int_equal(counts(successor).service_us, 8000);
    assert_int_equal(counts(successor).completed, 0);
    add_group(successor, 2, 1);
    give_back(bench, take(bench), SLOT_REUSABLE, 16000);
    slot_pool_replace(bench->pool, successor);
    assert_int_equal(counts(successor).service_us, 9000);
}

static void a_queue_that_is_taken_over_stands_behind_that_of_the_successor(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *old = bench->pool;
    struct asker *second = join(bench), *third = join(bench);
    bench->pool = other_pool(bench);
    bench->other = old;
    struct asker *first = join(bench);
    slot_pool_replace(old, bench->pool);
    assert_int_equal(counts(bench->pool).waiting, 3);
    add_group(bench->pool, 2, 3);
    deliver(bench);
    assert_int_equal(first->order, 1);
    assert_int_equal(second->order, 2);
    assert_int_equal(third->order, 3);
}

static void a_roll_back_serves_again(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *successor = other_pool(bench);
    slot_pool_replace(bench->pool, successor);
    struct asker *asker = join(bench);
    slot_pool_replace(successor, bench->pool);
    assert_int_equal(counts(bench->pool).waiting, 1);
    give_up(asker);
}

static void a_successor_serves_although_the_old_pool_is_closed(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *successor = other_pool(bench);
    slot_pool_replace(bench->pool, successor);
    slot_pool_close(bench->pool, &removed);
    struct asker *asker = join(bench);
    assert_ptr_equal(asker->waiter.pool, successor);
    give_up(asker);
    assert_int_equal(asker->deliveries, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOT_TEST(serves_in_order),
        SLOT_TEST(refuses_when_it_is_full),
        SLOT_TEST(who_gives_up_leaves_the_others_in_order),
        SLOT_TEST(cancelling_loses_against_a_grant),
        SLOT_TEST(demand_is_told_once_until_it_is_armed_again),
        SLOT_TEST(a_lost_connection_tells_demand),
        SLOT_TEST(who_gives_up_knows_the_limit),
        SLOT_TEST(who_waits_knows_the_trouble),
        SLOT_TEST(each_fails_with_a_copy),
        SLOT_TEST(a_closed_pool_tells_those_who_wait_and_those_who_come),
        SLOT_TEST(a_successor_takes_the_queue_over),
        SLOT_TEST(a_successor_is_taken_to_be_as_quick),
        SLOT_TEST(a_queue_that_is_taken_over_stands_behind_that_of_the_successor),
        SLOT_TEST(a_roll_back_serves_again),
        SLOT_TEST(a_successor_serves_although_the_old_pool_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
