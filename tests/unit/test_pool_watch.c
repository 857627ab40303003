/* How pools on worker threads reach the control thread, also while it lets go of them. */
#include "fleet/scale/pool_watch.h"

#include "base/clock.h"
#include "routing/slot_group.h"
#include "routing/slot_wait.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS  3
#define REQUESTS 400

struct seen {
    unsigned demands, lost, drained;
    uint64_t last;
    enum slot_fate fate;
};

static void on_demand(void *owner)
{
    ((struct seen *)owner)->demands++;
}

static void on_lost(void *owner, uint64_t instance, enum slot_fate fate)
{
    struct seen *seen = owner;
    seen->lost++;
    seen->last = instance;
    seen->fate = fate;
}

static void on_drained(void *owner, uint64_t instance)
{
    struct seen *seen = owner;
    seen->drained++;
    seen->last = instance;
}

static const struct pool_watch_hooks hooks = {.demand = on_demand, .lost = on_lost, .drained = on_drained};

static void env_open(struct fleet_env *env)
{
    struct error err;
    *env = (struct fleet_env){0};
    assert_int_equal(mailbox_init(&env->inbox, &err), 0);
}

static int any_fd(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void demand_losses_and_drain_come_as_mail(void **state)
{
    (void)state;
    struct fleet_env env;
    struct seen seen = {0};
    struct slot_pool *pool;
    struct mailbox worker;
    struct error err;
    env_open(&env);
    assert_int_equal(mailbox_init(&worker, &err), 0);
    struct pool_watch *watch = pool_watch_create(&env, &hooks, &seen, &pool);
    struct slot_waiter waiter = {.inbox = &worker, .queue_length = 1};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_QUEUED);
    assert_int_equal(seen.demands, 0);
    mailbox_deliver(&env.inbox, NULL);
    assert_int_equal(seen.demands, 1);
    assert_true(slot_waiter_cancel(&waiter));

    struct slot_group *group = slot_group_create(pool, 77);
    slot_group_add_slot(group, any_fd(), 1);
    slot_group_add_slot(group, any_fd(), 1);
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_TAKEN);
    slot_pool_release(slot, SLOT_LOST, 2, 1);
    assert_int_equal(seen.lost, 0);
    mailbox_deliver(&env.inbox, NULL);
    assert_int_equal(seen.lost, 1);
    assert_int_equal(seen.last, 77);
    assert_int_equal(seen.fate, SLOT_LOST);
    seen.last = 0;
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_TAKEN);
    slot_group_retire(group, RETIRE_DRAIN);
    mailbox_deliver(&env.inbox, NULL);
    assert_int_equal(seen.drained, 0);
    slot_pool_release(slot, SLOT_REUSABLE, 2, 1);
    mailbox_deliver(&env.inbox, NULL);
    assert_int_equal(seen.drained, 1);
    assert_int_equal(seen.last, 77);
    slot_pool_unref(pool);
    pool_watch_end(watch);
    mailbox_clear(&worker);
    mailbox_clear(&env.inbox);
}

/* Mail that is on its way when the owner goes reaches nobody, and the pool may outlive both. */
static void nothing_is_heard_after_the_end(void **state)
{
    (void)state;
    struct fleet_env env;
    struct seen seen = {0};
    struct slot_pool *pool;
    struct mailbox worker;
    struct error err;
    env_open(&env);
    assert_int_equal(mailbox_init(&worker, &err), 0);
    struct pool_watch *watch = pool_watch_create(&env, &hooks, &seen, &pool);
    struct slot_waiter waiter = {.inbox = &worker, .queue_length = 1};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(pool, 0, 1, &waiter, &slot), SLOT_QUEUED);
    pool_watch_end(watch);
    mailbox_deliver(&env.inbox, NULL);
    assert_int_equal(seen.demands, 0);
    assert_true(slot_waiter_cancel(&waiter));
    slot_pool_unref(pool);
    mailbox_deliver(&env.inbox, NULL);
    mailbox_clear(&worker);
    mailbox_clear(&env.inbox);
}

/* --- many threads --- */

struct worker {
    struct slot_pool *pool;
    int index;
    pthread_t thread;
};

/* A request of a worker; its waiter is first, so that its mail leads back to it. */
struct request {
    struct slot_waiter waiter;
    bool told;
};

static void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    ((struct request *)mail)->told = true;
}

/* The mail of a request that could not be cancelled is on its way, and may not be there yet. */
static void await_mail(struct mailbox *inbox, struct request *request)
{
    struct pollfd poll_fd = {.fd = inbox->fd, .events = POLLIN};
    while (!request->told) {
        poll(&poll_fd, 1, 1000);
        mailbox_deliver(inbox, NULL);
    }
    if (request->waiter.slot)
        slot_pool_release(request->waiter.slot, SLOT_REUSABLE, clock_ms(), 10);
    free(request->waiter.error);
    slot_pool_unref(request->waiter.pool);
}

/* Asks, takes or gives up, and lets go of its reference in the end: perhaps as the last. */
static void *work(void *context)
{
    struct worker *worker = context;
    struct mailbox inbox;
    struct error err;
    if (mailbox_init(&inbox, &err) < 0)
        return NULL;
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct request request = {.waiter = {.inbox = &inbox, .mail.deliver = on_mail, .queue_length = 1000}};
        struct slot *slot;
        enum slot_acquire got =
            slot_pool_acquire(worker->pool, worker->index, clock_ms(), &request.waiter, &slot);
        if (got == SLOT_TAKEN)
            slot_pool_release(slot, i % 7 ? SLOT_REUSABLE : SLOT_BROKEN, clock_ms(), 10);
        else if (got == SLOT_QUEUED && !slot_waiter_cancel(&request.waiter))
            await_mail(&inbox, &request);
    }
    mailbox_clear(&inbox);
    slot_pool_unref(worker->pool);
    return NULL;
}

static void workers_and_the_control_thread(void **state)
{
    (void)state;
    struct fleet_env env;
    struct seen seen = {0};
    struct slot_pool *pool;
    struct worker workers[WORKERS];
    env_open(&env);
    struct pool_watch *watch = pool_watch_create(&env, &hooks, &seen, &pool);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.pool = slot_pool_ref(pool), .index = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned round = 1; round <= 200; round++) {
        mailbox_deliver(&env.inbox, NULL);
        slot_pool_arm_demand(pool);
        struct slot_group *group = slot_group_create(pool, round);
        slot_group_add_slot(group, any_fd(), clock_ms());
        slot_group_add_slot(group, any_fd(), clock_ms());
        slot_group_retire(group, RETIRE_DRAIN);
    }
    mailbox_deliver(&env.inbox, NULL);
    pool_watch_end(watch);
    slot_pool_unref(pool);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    mailbox_deliver(&env.inbox, NULL);
    assert_in_range(seen.drained, 1, 200);
    mailbox_clear(&env.inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demand_losses_and_drain_come_as_mail),
        cmocka_unit_test(nothing_is_heard_after_the_end),
        cmocka_unit_test(workers_and_the_control_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
