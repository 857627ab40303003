/* Workers and the control thread use a pool at the same time. */
#include "slot_bench.h"

#include <pthread.h>

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
    if (round % 5 == 0 && slot_waiter_cancel(&waiter.waiter)) {
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
    struct slot_group *group = slot_group_create(stress->pool, 1);
    uint64_t instance = 1;
    for (unsigned round = 0; !atomic_load(&stress->stop); round++) {
        unsigned slots, busy;
        uint64_t since;
        struct slot_counts now;
        slot_group_usage(group, &slots, &busy, &since);
        for (; slots < STRESS_SLOTS; slots++)
            slot_group_add_slot(group, any_fd(), round);
        slot_pool_counts(stress->pool, &now);
        slot_pool_arm_demand(stress->pool);
        if (round % 50 == 49 && slot_group_retire(group, round % 100 == 99 ? RETIRE_DRAIN : RETIRE_IF_IDLE))
            group = slot_group_create(stress->pool, ++instance);
    }
    slot_group_retire(group, RETIRE_DRAIN);
    return NULL;
}

/* Lets the workers work until they are done, and `control` meanwhile. */
static void work(struct stress *stress, void *(*control)(void *context))
{
    struct error err;
    pthread_t control_thread;
    pthread_create(&control_thread, NULL, control, stress);
    for (int i = 0; i < THREADS; i++) {
        struct stress_worker *worker = &stress->workers[i];
        worker->stress = stress;
        worker->index = i;
        assert_int_equal(mailbox_init(&worker->inbox, &err), 0);
        pthread_create(&worker->thread, NULL, run_stress, worker);
    }
    unsigned total = 0;
    for (int i = 0; i < THREADS; i++) {
        struct stress_worker *worker = &stress->workers[i];
        pthread_join(worker->thread, NULL);
        mailbox_clear(&worker->inbox);
        total += worker->served + worker->refused + worker->cancelled;
    }
    atomic_store(&stress->stop, true);
    pthread_join(control_thread, NULL);
    assert_int_equal(total, THREADS * ROUNDS);
}

static void instances_come_and_go_under_load(void **state)
{
    struct slot_bench *bench = *state;
    struct stress stress = {.pool = bench->pool};
    work(&stress, run_control);
    struct slot_counts now = counts(bench->pool);
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
    struct slot_group *groups[2] = {slot_group_create(stress->pool, 1), slot_group_create(other, 2)};
    for (unsigned round = 0; !atomic_load(&stress->stop); round++) {
        bool forth = round % 2 == 0;
        unsigned slots, busy;
        uint64_t since;
        slot_pool_replace(forth ? stress->pool : other, forth ? other : stress->pool);
        slot_group_usage(groups[forth], &slots, &busy, &since);
        for (; slots < STRESS_SLOTS; slots++)
            slot_group_add_slot(groups[forth], any_fd(), round);
    }
    slot_pool_replace(other, stress->pool);
    slot_group_retire(groups[0], RETIRE_DRAIN);
    slot_group_retire(groups[1], RETIRE_DRAIN);
    slot_pool_unref(other);
    return NULL;
}

static void revisions_replace_each_other_under_load(void **state)
{
    struct slot_bench *bench = *state;
    struct stress stress = {.pool = bench->pool};
    work(&stress, run_replacements);
    assert_int_equal(counts(bench->pool).waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOT_TEST(instances_come_and_go_under_load),
        SLOT_TEST(revisions_replace_each_other_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
