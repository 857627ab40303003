/* Which slot is taken, and what becomes of one that is given back. */
#include "slot_bench.h"

#include <unistd.h>

static void takes_the_most_recently_used(void **state)
{
    struct slot_bench *bench = *state;
    add_group(bench->pool, 1, 3);
    struct slot *first = take(bench), *second = take(bench);
    assert_ptr_not_equal(first, second);
    release(bench, first);
    release(bench, second);
    assert_ptr_equal(take(bench), second);
    assert_ptr_equal(take(bench), first);
    assert_int_equal(counts(bench->pool).idle, 1);
    assert_int_equal(counts(bench->pool).busy, 2);
    release(bench, first);
    release(bench, second);
    assert_int_equal(counts(bench->pool).completed, 4);
}

static void prefers_a_slot_of_its_own_loop(void **state)
{
    struct slot_bench *bench = *state;
    add_group(bench->pool, 1, 2);
    add_group(bench->pool, 2, 1);
    struct slot *a = take(bench), *b = take(bench), *c = take(bench);
    a->home = 0;
    b->home = 1;
    c->home = 0; /* of another instance, which was used before: not preferred */
    assert_int_equal(slot_instance(c), 2);
    release(bench, c);
    release(bench, a);
    release(bench, b);
    assert_ptr_equal(take(bench), a);
    assert_ptr_equal(take(bench), b);
    assert_ptr_equal(take(bench), c);
}

static void every_loss_is_told(void **state)
{
    struct slot_bench *bench = *state;
    int link;
    struct slot_group *group = add_group(bench->pool, 9, 4);
    release(bench, take(bench));
    assert_int_equal(bench->seen.lost, 0);
    give_back(bench, take(bench), SLOT_BROKEN, 1);
    assert_int_equal(bench->seen.lost, 1);
    assert_int_equal(bench->seen.lost_by_runner, 0);
    assert_int_equal(bench->seen.last_lost, 9);
    struct slot *slot = slot_ref(take(bench));
    slot->link = &link;
    release(bench, slot);
    assert_true(slot_pool_drop_idle(slot, &link));
    slot_unref(slot);
    assert_int_equal(bench->seen.lost_by_runner, 1);
    slot = take(bench);
    struct slot *other = take(bench);
    slot_group_retire(group, RETIRE_DRAIN);
    give_back(bench, slot, SLOT_LOST, 1); /* who waits for its answer is to learn why */
    assert_int_equal(bench->seen.lost_by_runner, 2);
    release(bench, other);
    assert_int_equal(bench->seen.lost, 3);
}

static void drops_an_idle_slot_for_its_watcher_only(void **state)
{
    struct slot_bench *bench = *state;
    int mine, other;
    add_group(bench->pool, 7, 1);
    struct slot *slot = take(bench);
    slot->link = &mine;
    slot_ref(slot);
    assert_false(slot_pool_drop_idle(slot, &mine)); /* busy */
    release(bench, slot);
    assert_false(slot_pool_drop_idle(slot, &other));
    assert_true(slot_pool_drop_idle(slot, &mine));
    assert_false(slot_pool_drop_idle(slot, &mine));
    slot_unref(slot);
    assert_int_equal(counts(bench->pool).idle, 0);
}

static struct slot_group *add_rooms(struct slot_bench *bench, uint64_t instance, unsigned count)
{
    const struct slot_address address = {.length = 16};
    struct slot_group *group = slot_group_create(bench->pool, instance);
    slot_group_add_rooms(group, &address, count, 1);
    return group;
}

static void a_room_stays_whatever_becomes_of_its_connection(void **state)
{
    struct slot_bench *bench = *state;
    const enum slot_fate fates[] = {SLOT_REUSABLE, SLOT_BROKEN, SLOT_DROPPED, SLOT_LOST, SLOT_UNREACHED};
    add_rooms(bench, 7, 1);
    for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++) {
        struct slot *slot = take(bench);
        assert_int_equal(slot->fd, -1);
        assert_int_equal(slot->address->length, 16);
        give_back(bench, slot, fates[i], 100);
        assert_int_equal(counts(bench->pool).idle, 1);
    }
    assert_int_equal(bench->seen.last_lost, 7);
}

static void a_room_that_was_not_reached_is_taken_last(void **state)
{
    struct slot_bench *bench = *state;
    add_rooms(bench, 7, 2);
    add_rooms(bench, 8, 1);
    give_back(bench, take(bench), SLOT_UNREACHED, 0);
    give_back(bench, take(bench), SLOT_UNREACHED, 0);
    assert_int_equal(slot_instance(take(bench)), 8);
    struct slot *slot = take(bench);
    take(bench);
    const struct asker *waiting = join(bench);
    give_back(bench, slot, SLOT_UNREACHED, 0);
    deliver(bench);
    assert_ptr_equal(waiting->waiter.slot, slot);
}

static void the_rooms_of_a_retired_instance_go_when_they_are_released(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_group *group = add_rooms(bench, 7, 3);
    struct slot *slot = take(bench);
    assert_true(slot_is_alone(slot));
    assert_false(slot_group_retire(group, RETIRE_IF_IDLE));
    slot_group_retire(group, RETIRE_DRAIN);
    assert_int_equal(counts(bench->pool).idle, 0);
    assert_int_equal(bench->seen.drained, 0);
    give_back(bench, slot, SLOT_UNREACHED, 0);
    assert_int_equal(bench->seen.drained, 1);
}

static void takes_the_connection_off_an_idle_room_for_its_watcher_only(void **state)
{
    struct slot_bench *bench = *state;
    int mine, other;
    add_rooms(bench, 7, 1);
    struct slot *slot = take(bench);
    int fd = slot->fd = any_fd();
    slot->link = &mine;
    assert_int_equal(slot_pool_disconnect_idle(slot, &mine), -1); /* busy */
    release(bench, slot);
    assert_int_equal(slot_pool_disconnect_idle(slot, &other), -1);
    assert_int_equal(slot_pool_disconnect_idle(slot, &mine), fd);
    assert_int_equal(slot_pool_disconnect_idle(slot, &mine), -1);
    close(fd);
    assert_int_equal(counts(bench->pool).idle, 1);
    assert_int_equal(take(bench)->fd, -1);
}

static void the_last_user_may_leave_before_the_last_slot(void **state)
{
    struct slot_bench *bench = *state;
    struct slot_pool *pool = make_pool(&bench->seen);
    struct slot_waiter waiter = {.inbox = &bench->inbox};
    struct slot *slot;
    add_group(pool, 2, 2);
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_TAKEN);
    slot_pool_unref(pool);
    slot_pool_release(slot, SLOT_REUSABLE, 2000, 100);
    assert_int_equal(bench->seen.drained, 0);
}

static void smooths_service_times(void **state)
{
    struct slot_bench *bench = *state;
    add_group(bench->pool, 7, 1);
    give_back(bench, take(bench), SLOT_REUSABLE, 8000);
    assert_int_equal(counts(bench->pool).service_us, 8000);
    give_back(bench, take(bench), SLOT_REUSABLE, 16000);
    assert_int_equal(counts(bench->pool).service_us, 9000);
    give_back(bench, take(bench), SLOT_REUSABLE, 0); /* nothing was sent on it */
    assert_int_equal(counts(bench->pool).service_us, 9000);
    assert_int_equal(counts(bench->pool).completed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOT_TEST(takes_the_most_recently_used),
        SLOT_TEST(prefers_a_slot_of_its_own_loop),
        SLOT_TEST(every_loss_is_told),
        SLOT_TEST(drops_an_idle_slot_for_its_watcher_only),
        SLOT_TEST(a_room_stays_whatever_becomes_of_its_connection),
        SLOT_TEST(a_room_that_was_not_reached_is_taken_last),
        SLOT_TEST(the_rooms_of_a_retired_instance_go_when_they_are_released),
        SLOT_TEST(takes_the_connection_off_an_idle_room_for_its_watcher_only),
        SLOT_TEST(the_last_user_may_leave_before_the_last_slot),
        SLOT_TEST(smooths_service_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
