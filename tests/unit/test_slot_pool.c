#include "routing/slot_pool.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the hooks saw. */
struct seen {
    _Atomic unsigned demands, drained;
    _Atomic uint64_t last_drained;
    _Atomic unsigned lost, lost_by_runner;
    _Atomic uint64_t last_lost;
};

struct fixture {
    struct seen seen;
    struct mailbox inbox;
    struct slot_pool *pool;
};

/* A waiter and what its mail brought. */
struct test_waiter {
    struct slot_waiter waiter;
    unsigned deliveries;
    unsigned order;
};

static unsigned delivery_order;

static void on_demand(void *context)
{
    atomic_fetch_add(&((struct seen *)context)->demands, 1);
}

static void on_lost(void *context, uint64_t instance, enum slot_fate fate)
{
    struct seen *seen = context;
    atomic_store(&seen->last_lost, instance);
    atomic_fetch_add(&seen->lost, 1);
    atomic_fetch_add(&seen->lost_by_runner, fate != SLOT_BROKEN);
}

static void on_drained(void *context, uint64_t instance)
{
    struct seen *seen = context;
    atomic_store(&seen->last_drained, instance);
    atomic_fetch_add(&seen->drained, 1);
}

static struct slot_pool *make_pool(struct seen *seen)
{
    const struct slot_pool_hooks hooks = {
        .demand = on_demand, .lost = on_lost, .drained = on_drained, .context = seen};
    return slot_pool_create(&hooks);
}

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct error err;
    assert_int_equal(mailbox_init(&fixture->inbox, &err), 0);
    fixture->pool = make_pool(&fixture->seen);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    slot_pool_unref(fixture->pool);
    mailbox_clear(&fixture->inbox);
    free(fixture);
    return 0;
}

static int any_fd(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    struct test_waiter *waiter = (struct test_waiter *)mail; /* the mail is the first member */
    waiter->deliveries++;
    waiter->order = ++delivery_order;
    slot_pool_unref(waiter->waiter.pool);
}

static enum slot_acquire acquire(struct fixture *fixture, struct test_waiter *waiter, struct slot **ret_slot)
{
    *waiter = (struct test_waiter){
        .waiter = {.mail.deliver = on_mail, .inbox = &fixture->inbox, .queue_length = 4}};
    return slot_pool_acquire(fixture->pool, 0, 1000, &waiter->waiter, ret_slot);
}

static struct slot *take(struct fixture *fixture)
{
    struct test_waiter waiter;
    struct slot *slot = NULL;
    assert_int_equal(acquire(fixture, &waiter, &slot), SLOT_TAKEN);
    return slot;
}

static void release(struct slot *slot)
{
    slot_pool_release(slot, SLOT_REUSABLE, 2000, 100);
}

static struct slot_counts counts(struct slot_pool *pool)
{
    struct slot_counts result;
    slot_pool_counts(pool, &result);
    return result;
}

static void test_takes_the_most_recently_used(void **state)
{
    struct fixture *fixture = *state;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    for (int i = 0; i < 3; i++)
        slot_pool_add_slot(group, any_fd(), 1);
    struct slot *first = take(fixture), *second = take(fixture);
    assert_ptr_not_equal(first, second);
    release(first);
    release(second);
    assert_ptr_equal(take(fixture), second);
    assert_ptr_equal(take(fixture), first);
    assert_int_equal(counts(fixture->pool).idle, 1);
    assert_int_equal(counts(fixture->pool).busy, 2);
    release(first);
    release(second);
    assert_int_equal(counts(fixture->pool).completed, 4);
}

static void test_prefers_a_slot_of_its_own_loop(void **state)
{
    struct fixture *fixture = *state;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    struct slot_group *other = slot_pool_add_group(fixture->pool, 2);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(other, any_fd(), 1);
    struct slot *a = take(fixture), *b = take(fixture), *c = take(fixture);
    a->home = 0;
    b->home = 1;
    c->home = 0; /* of another instance, which was used before: not preferred */
    assert_int_equal(slot_instance(c), 2);
    release(c);
    release(a);
    release(b);
    assert_ptr_equal(take(fixture), a);
    assert_ptr_equal(take(fixture), b);
    assert_ptr_equal(take(fixture), c);
    release(a);
    release(b);
    release(c);
}

static void test_serves_waiters_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiters[3];
    struct slot *slot;
    for (int i = 0; i < 3; i++)
        assert_int_equal(acquire(fixture, &waiters[i], &slot), SLOT_QUEUED);
    assert_true(waiters[0].waiter.cold);
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    slot_pool_add_slot(group, any_fd(), 1);
    mailbox_deliver(&fixture->inbox, NULL);
    assert_int_equal(waiters[0].deliveries, 1);
    assert_int_equal(waiters[1].deliveries, 0);
    slot = waiters[0].waiter.slot;
    release(slot);
    release(slot); /* handed on to the second, then to the third */
    mailbox_deliver(&fixture->inbox, NULL);
    assert_int_equal(waiters[1].deliveries, 1);
    assert_int_equal(waiters[2].deliveries, 1);
    assert_true(waiters[1].order < waiters[2].order);
    assert_ptr_equal(waiters[2].waiter.slot, slot);
    release(slot);
    assert_int_equal(counts(fixture->pool).waiting, 0);
    assert_int_equal(counts(fixture->pool).idle, 1);
}

static void test_refuses_when_the_queue_is_full(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiters[4], last;
    struct slot *slot;
    for (int i = 0; i < 4; i++)
        assert_int_equal(acquire(fixture, &waiters[i], &slot), SLOT_QUEUED);
    assert_int_equal(acquire(fixture, &last, &slot), SLOT_REFUSED);
    assert_int_equal(counts(fixture->pool).refused, 1);
    assert_int_equal(counts(fixture->pool).oldest_wait_since_ms, 1000);
    for (int i = 0; i < 4; i++)
        assert_true(slot_pool_cancel(&waiters[i].waiter));
    assert_int_equal(counts(fixture->pool).waiting, 0);
}

static void test_cancel_loses_against_a_grant(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiter;
    struct slot *slot;
    assert_int_equal(acquire(fixture, &waiter, &slot), SLOT_QUEUED);
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    slot_pool_add_slot(group, any_fd(), 1);
    assert_false(slot_pool_cancel(&waiter.waiter));
    mailbox_deliver(&fixture->inbox, NULL);
    assert_int_equal(waiter.deliveries, 1);
    release(waiter.waiter.slot);
}

static void test_demand_is_told_once_until_it_is_armed_again(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiters[4];
    struct slot *slot;
    slot_pool_set_starting(fixture->pool, 1);
    acquire(fixture, &waiters[0], &slot);
    assert_int_equal(fixture->seen.demands, 0); /* the starting slot will serve it */
    acquire(fixture, &waiters[1], &slot);
    assert_int_equal(fixture->seen.demands, 1);
    acquire(fixture, &waiters[2], &slot);
    assert_int_equal(fixture->seen.demands, 1);
    assert_int_equal(counts(fixture->pool).waiting, 3); /* whoever reads changes nothing */
    acquire(fixture, &waiters[3], &slot);
    assert_int_equal(fixture->seen.demands, 1);
    slot_pool_cancel(&waiters[3].waiter);
    slot_pool_arm_demand(fixture->pool);
    acquire(fixture, &waiters[3], &slot);
    assert_int_equal(fixture->seen.demands, 2);
    for (int i = 0; i < 4; i++)
        slot_pool_cancel(&waiters[i].waiter);
}

static void test_a_lost_connection_tells_demand(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiter;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot *slot = take(fixture), *none;
    slot_pool_set_starting(fixture->pool, 1);
    assert_int_equal(acquire(fixture, &waiter, &none), SLOT_QUEUED);
    assert_false(waiter.waiter.cold);
    slot_pool_set_starting(fixture->pool, 0);
    assert_int_equal(fixture->seen.demands, 0);
    slot_pool_release(slot, SLOT_BROKEN, 1, 1);
    assert_int_equal(fixture->seen.demands, 1);
    assert_int_equal(counts(fixture->pool).instances, 0);
    assert_true(slot_pool_cancel(&waiter.waiter));
}

static void test_every_loss_is_told(void **state)
{
    struct fixture *fixture = *state;
    int link;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 9);
    for (int i = 0; i < 4; i++)
        slot_pool_add_slot(group, any_fd(), 1);
    release(take(fixture));
    assert_int_equal(fixture->seen.lost, 0);
    slot_pool_release(take(fixture), SLOT_BROKEN, 1, 1);
    assert_int_equal(fixture->seen.lost, 1);
    assert_int_equal(fixture->seen.lost_by_runner, 0);
    assert_int_equal(fixture->seen.last_lost, 9);
    struct slot *slot = slot_ref(take(fixture));
    slot->link = &link;
    release(slot);
    assert_true(slot_pool_drop_idle(slot, &link));
    slot_unref(slot);
    assert_int_equal(fixture->seen.lost_by_runner, 1);
    slot = take(fixture);
    struct slot *other = take(fixture);
    slot_pool_retire_group(group, RETIRE_DRAIN);
    slot_pool_release(slot, SLOT_LOST, 1, 1); /* who waits for its answer is to learn why */
    assert_int_equal(fixture->seen.lost_by_runner, 2);
    release(other);
    assert_int_equal(fixture->seen.lost, 3);
}

/* What a runner is to open counts for those who wait, until it has had its time or its connections begin to
 * go. */
static void test_awaited_slots_count_no_longer_than_they_may_come(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiter;
    struct slot *none;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 1);
    slot_group_await(group, 3);
    assert_int_equal(counts(fixture->pool).starting, 3);
    slot_pool_set_starting(fixture->pool, 2);
    slot_pool_add_slot(group, any_fd(), 1);
    assert_int_equal(counts(fixture->pool).starting, 4);
    slot_pool_set_starting(fixture->pool, 0);
    struct slot *slot = take(fixture);
    assert_int_equal(acquire(fixture, &waiter, &none), SLOT_QUEUED);
    assert_int_equal(fixture->seen.demands, 0);
    slot_pool_release(slot, SLOT_LOST, 1, 1);
    assert_int_equal(fixture->seen.demands, 1);
    assert_int_equal(counts(fixture->pool).starting, 0);
    slot_pool_arm_demand(fixture->pool);

    slot_group_await(group, 1);
    assert_int_equal(slot_group_settle(group), 0);
    assert_int_equal(fixture->seen.demands, 2);
    assert_int_equal(counts(fixture->pool).starting, 0);
    slot_group_await(group, 5);
    slot_pool_retire_group(group, RETIRE_IF_IDLE);
    assert_int_equal(counts(fixture->pool).starting, 0);
    assert_true(slot_pool_cancel(&waiter.waiter));
}

static void test_retires_only_what_is_idle(void **state)
{
    struct fixture *fixture = *state;
    unsigned slots, busy;
    uint64_t since;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot *slot = take(fixture);
    assert_false(slot_pool_retire_group(group, RETIRE_IF_IDLE));
    slot_group_usage(group, &slots, &busy, &since);
    assert_int_equal(slots, 2);
    assert_int_equal(busy, 1);
    assert_int_equal(since, 0);
    release(slot);
    slot_group_usage(group, &slots, &busy, &since);
    assert_int_equal(since, 2000);
    assert_true(slot_pool_retire_group(group, RETIRE_IF_IDLE));
    assert_int_equal(counts(fixture->pool).idle, 0);
    assert_int_equal(counts(fixture->pool).instances, 0);
    assert_int_equal(fixture->seen.drained, 0);
}

static void on_leaving(struct slot *slot)
{
    slot->link = NULL;
    slot->home = -1;
    slot->watcher = NULL;
}

/* A slot on loan is busy, its watch ends, and the group is idle since before unless it was used meanwhile. */
static void test_lends_an_idle_slot(void **state)
{
    static const struct slot_watcher watcher = {.leaving = on_leaving};
    struct fixture *fixture = *state;
    unsigned slots, busy;
    uint64_t since;
    struct slot_loan loan;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot *slot = take(fixture);
    assert_false(slot_pool_borrow(group, &loan));
    int link;
    slot->watcher = &watcher;
    slot->link = &link;
    release(slot);
    assert_true(slot_pool_borrow(group, &loan));
    assert_false(slot_pool_retire_group(group, RETIRE_IF_IDLE));
    slot_pool_return(&loan, SLOT_REUSABLE, 3000);
    slot_group_usage(group, &slots, &busy, &since);
    assert_int_equal(since, 2000);
    assert_true(slot_pool_borrow(group, &loan));
    release(take(fixture));
    slot_pool_return(&loan, SLOT_REUSABLE, 3000);
    slot_group_usage(group, &slots, &busy, &since);
    assert_int_equal(since, 3000);
    slot->watcher = NULL;
    assert_true(slot_pool_borrow(group, &loan));
    slot_pool_retire_group(group, RETIRE_DRAIN);
    assert_int_equal(fixture->seen.drained, 0);
    slot_pool_return(&loan, SLOT_REUSABLE, 4000);
    assert_int_equal(fixture->seen.drained, 1);
    assert_int_equal(counts(fixture->pool).busy, 0);
}

/* What comes while all slots are busy, one of them on loan, gets that one. */
static void test_a_slot_on_loan_goes_to_who_waits(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiter;
    struct slot *slot = NULL;
    struct slot_loan loan;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    assert_true(slot_pool_borrow(group, &loan));
    assert_int_equal(acquire(fixture, &waiter, &slot), SLOT_QUEUED);
    slot_pool_return(&loan, SLOT_REUSABLE, 3000);
    mailbox_deliver(&fixture->inbox, NULL);
    assert_ptr_equal(waiter.waiter.slot, loan.slot);
    release(waiter.waiter.slot);
    slot_pool_retire_group(group, RETIRE_IF_IDLE);
}

static void test_drains_busy_slots(void **state)
{
    struct fixture *fixture = *state;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot *slot = take(fixture);
    assert_true(slot_pool_retire_group(group, RETIRE_DRAIN));
    assert_int_equal(fixture->seen.drained, 0);
    struct test_waiter waiter;
    struct slot *none;
    assert_int_equal(acquire(fixture, &waiter, &none), SLOT_QUEUED);
    release(slot);
    assert_int_equal(fixture->seen.drained, 1);
    assert_int_equal(fixture->seen.last_drained, 7);
    assert_true(slot_pool_cancel(&waiter.waiter)); /* the drained slot did not go to it */
    group = slot_pool_add_group(fixture->pool, 8);
    assert_true(slot_pool_retire_group(group, RETIRE_DRAIN));
    assert_int_equal(fixture->seen.last_drained, 8);
}

static void test_drops_an_idle_slot_for_its_watcher_only(void **state)
{
    struct fixture *fixture = *state;
    int mine, other;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot *slot = take(fixture);
    slot->link = &mine;
    slot_ref(slot);
    assert_false(slot_pool_drop_idle(slot, &mine)); /* busy */
    release(slot);
    assert_false(slot_pool_drop_idle(slot, &other));
    assert_true(slot_pool_drop_idle(slot, &mine));
    assert_false(slot_pool_drop_idle(slot, &mine));
    slot_unref(slot);
    assert_int_equal(counts(fixture->pool).idle, 0);
}

static void test_fails_waiters_with_a_copy(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiters[2];
    struct slot *slot;
    struct error error;
    acquire(fixture, &waiters[0], &slot);
    acquire(fixture, &waiters[1], &slot);
    error_set(&error, ERROR_LOAD_FAILED, "no");
    assert_int_equal(slot_pool_fail_waiters(fixture->pool, &error), 2);
    mailbox_deliver(&fixture->inbox, NULL);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(waiters[i].waiter.error->message, "no");
        assert_null(waiters[i].waiter.slot);
        free(waiters[i].waiter.error);
    }
}

static void test_a_successor_takes_the_queue_over(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiters[3];
    struct slot *slot;
    struct slot_pool *successor = make_pool(&fixture->seen);
    struct slot_group *group = slot_pool_add_group(successor, 2);
    slot_pool_add_slot(group, any_fd(), 1);
    acquire(fixture, &waiters[0], &slot);
    acquire(fixture, &waiters[1], &slot);
    slot_pool_replace(fixture->pool, successor);
    mailbox_deliver(&fixture->inbox, NULL);
    assert_int_equal(waiters[0].deliveries, 1);
    assert_int_equal(waiters[1].deliveries, 0);
    assert_int_equal(counts(successor).waiting, 1);
    assert_int_equal(counts(fixture->pool).waiting, 0);
    assert_int_equal(acquire(fixture, &waiters[2], &slot), SLOT_QUEUED); /* through the old one */
    assert_int_equal(counts(successor).waiting, 2);
    slot_pool_unref(successor); /* the old one still refers to it */
    assert_true(slot_pool_cancel(&waiters[1].waiter));
    release(waiters[0].waiter.slot);
    mailbox_deliver(&fixture->inbox, NULL);
    release(waiters[2].waiter.slot);
}

static void test_a_roll_back_serves_again(void **state)
{
    struct fixture *fixture = *state;
    struct test_waiter waiter;
    struct slot *slot;
    struct slot_pool *successor = make_pool(&fixture->seen);
    slot_pool_replace(fixture->pool, successor);
    assert_int_equal(acquire(fixture, &waiter, &slot), SLOT_QUEUED);
    slot_pool_replace(successor, fixture->pool);
    assert_int_equal(counts(fixture->pool).waiting, 1);
    assert_true(slot_pool_cancel(&waiter.waiter));
    slot_pool_unref(successor);
}

static void test_the_last_user_may_leave_before_the_last_slot(void **state)
{
    struct fixture *fixture = *state;
    struct slot_pool *pool = make_pool(&fixture->seen);
    struct slot_group *group = slot_pool_add_group(pool, 2);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_add_slot(group, any_fd(), 1);
    struct slot_waiter waiter = {.inbox = &fixture->inbox};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_TAKEN);
    slot_pool_unref(pool);
    release(slot);
    assert_int_equal(fixture->seen.drained, 0);
}

static void test_smooths_service_times(void **state)
{
    struct fixture *fixture = *state;
    struct slot_group *group = slot_pool_add_group(fixture->pool, 7);
    slot_pool_add_slot(group, any_fd(), 1);
    slot_pool_release(take(fixture), SLOT_REUSABLE, 1, 8000);
    assert_int_equal(counts(fixture->pool).service_us, 8000);
    slot_pool_release(take(fixture), SLOT_REUSABLE, 1, 16000);
    assert_int_equal(counts(fixture->pool).service_us, 9000);
    slot_pool_release(take(fixture), SLOT_REUSABLE, 1, 0); /* nothing was sent on it */
    assert_int_equal(counts(fixture->pool).service_us, 9000);
    assert_int_equal(counts(fixture->pool).completed, 2);
}

/* --- several threads --- */

#define THREADS      4
#define ROUNDS       3000
#define STRESS_SLOTS 3

struct stress_worker {
    struct stress *stress;
    pthread_t thread;
    struct mailbox inbox;
    int index;
    unsigned served, refused, cancelled;
    bool waiting;
    struct slot *granted;
};

struct stress {
    struct slot_pool *pool;
    _Atomic unsigned in_use, most_in_use;
    _Atomic bool stop;
    struct stress_worker workers[THREADS];
};

struct stress_waiter {
    struct slot_waiter waiter;
    struct stress_worker *worker;
};

static void on_stress_mail(struct mail *mail, void *owner)
{
    struct stress_waiter *waiter = (struct stress_waiter *)mail;
    struct stress_worker *worker = owner;
    assert_ptr_equal(waiter->worker, worker);
    slot_pool_unref(waiter->waiter.pool);
    worker->granted = waiter->waiter.slot;
    worker->waiting = false;
}

static void use_slot(struct stress_worker *worker, struct slot *slot, unsigned round)
{
    struct stress *stress = worker->stress;
    unsigned now = atomic_fetch_add(&stress->in_use, 1) + 1;
    unsigned most = atomic_load(&stress->most_in_use);
    while (now > most && !atomic_compare_exchange_weak(&stress->most_in_use, &most, now))
        ;
    slot->home = worker->index;
    atomic_fetch_sub(&stress->in_use, 1);
    slot_pool_release(slot, round % 64 == 63 ? SLOT_BROKEN : SLOT_REUSABLE, round, 10);
    worker->served++;
}

static void one_round(struct stress_worker *worker, unsigned round)
{
    struct stress_waiter waiter = {
        .waiter = {.mail.deliver = on_stress_mail, .inbox = &worker->inbox, .queue_length = 4},
        .worker = worker};
    struct slot *slot;
    switch (slot_pool_acquire(worker->stress->pool, worker->index, round, &waiter.waiter, &slot)) {
    case SLOT_TAKEN:
        use_slot(worker, slot, round);
        return;
    case SLOT_REFUSED:
        worker->refused++;
        return;
    case SLOT_QUEUED:
        break;
    }
    if (round % 5 == 0 && slot_pool_cancel(&waiter.waiter)) {
        worker->cancelled++;
        return;
    }
    worker->waiting = true;
    while (worker->waiting)
        mailbox_deliver(&worker->inbox, worker);
    if (worker->granted)
        use_slot(worker, worker->granted, round);
    free(waiter.waiter.error);
}

static void *run_stress(void *context)
{
    struct stress_worker *worker = context;
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(worker, round);
    return NULL;
}

static void *run_control(void *context)
{
    struct stress *stress = context;
    struct slot_group *group = slot_pool_add_group(stress->pool, 1);
    uint64_t instance = 1;
    for (unsigned round = 0; !atomic_load(&stress->stop); round++) {
        unsigned slots, busy;
        uint64_t since;
        struct slot_counts now;
        slot_group_usage(group, &slots, &busy, &since);
        for (; slots < STRESS_SLOTS; slots++)
            slot_pool_add_slot(group, any_fd(), round);
        slot_pool_counts(stress->pool, &now);
        slot_pool_arm_demand(stress->pool);
        if (round % 50 == 49 &&
            slot_pool_retire_group(group, round % 100 == 99 ? RETIRE_DRAIN : RETIRE_IF_IDLE))
            group = slot_pool_add_group(stress->pool, ++instance);
    }
    slot_pool_retire_group(group, RETIRE_DRAIN);
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *fixture = *state;
    struct stress stress = {.pool = fixture->pool};
    struct error err;
    pthread_t control;
    pthread_create(&control, NULL, run_control, &stress);
    for (int i = 0; i < THREADS; i++) {
        struct stress_worker *worker = &stress.workers[i];
        worker->stress = &stress;
        worker->index = i;
        assert_int_equal(mailbox_init(&worker->inbox, &err), 0);
        pthread_create(&worker->thread, NULL, run_stress, worker);
    }
    unsigned total = 0;
    for (int i = 0; i < THREADS; i++) {
        struct stress_worker *worker = &stress.workers[i];
        pthread_join(worker->thread, NULL);
        mailbox_clear(&worker->inbox);
        total += worker->served + worker->refused + worker->cancelled;
    }
    atomic_store(&stress.stop, true);
    pthread_join(control, NULL);
    assert_int_equal(total, THREADS * ROUNDS);
    struct slot_counts now = counts(fixture->pool);
    assert_int_equal(now.busy, 0);
    assert_int_equal(now.waiting, 0);
    assert_int_equal(now.idle, 0);
}

/* Waiters come and go while revisions replace each other. */
static void *run_replacements(void *context)
{
    struct stress *stress = context;
    struct seen seen = {0};
    struct slot_pool *other = make_pool(&seen);
    struct slot_group *groups[2] = {slot_pool_add_group(stress->pool, 1), slot_pool_add_group(other, 2)};
    for (unsigned round = 0; !atomic_load(&stress->stop); round++) {
        bool forth = round % 2 == 0;
        unsigned slots, busy;
        uint64_t since;
        slot_pool_replace(forth ? stress->pool : other, forth ? other : stress->pool);
        slot_group_usage(groups[forth], &slots, &busy, &since);
        for (; slots < STRESS_SLOTS; slots++)
            slot_pool_add_slot(groups[forth], any_fd(), round);
    }
    slot_pool_replace(other, stress->pool);
    slot_pool_retire_group(groups[0], RETIRE_DRAIN);
    slot_pool_retire_group(groups[1], RETIRE_DRAIN);
    slot_pool_unref(other);
    return NULL;
}

static void test_threads_with_replacements(void **state)
{
    struct fixture *fixture = *state;
    struct stress stress = {.pool = fixture->pool};
    struct error err;
    pthread_t control;
    pthread_create(&control, NULL, run_replacements, &stress);
    for (int i = 0; i < THREADS; i++) {
        struct stress_worker *worker = &stress.workers[i];
        worker->stress = &stress;
        worker->index = i;
        assert_int_equal(mailbox_init(&worker->inbox, &err), 0);
        pthread_create(&worker->thread, NULL, run_stress, worker);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(stress.workers[i].thread, NULL);
        mailbox_clear(&stress.workers[i].inbox);
    }
    atomic_store(&stress.stop, true);
    pthread_join(control, NULL);
    assert_int_equal(counts(fixture->pool).waiting, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_takes_the_most_recently_used),
        TEST(test_prefers_a_slot_of_its_own_loop),
        TEST(test_serves_waiters_in_order),
        TEST(test_refuses_when_the_queue_is_full),
        TEST(test_cancel_loses_against_a_grant),
        TEST(test_demand_is_told_once_until_it_is_armed_again),
        TEST(test_a_lost_connection_tells_demand),
        TEST(test_every_loss_is_told),
        TEST(test_awaited_slots_count_no_longer_than_they_may_come),
        TEST(test_retires_only_what_is_idle),
        TEST(test_lends_an_idle_slot),
        TEST(test_a_slot_on_loan_goes_to_who_waits),
        TEST(test_drains_busy_slots),
        TEST(test_drops_an_idle_slot_for_its_watcher_only),
        TEST(test_fails_waiters_with_a_copy),
        TEST(test_a_successor_takes_the_queue_over),
        TEST(test_a_roll_back_serves_again),
        TEST(test_the_last_user_may_leave_before_the_last_slot),
        TEST(test_smooths_service_times),
        TEST(test_threads),
        TEST(test_threads_with_replacements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
