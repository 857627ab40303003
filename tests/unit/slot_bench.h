/* A pool to be tested, and whoever asks it for slots; a test may leave things with it when it ends. */
#ifndef TESTS_SLOT_BENCH_H
#define TESTS_SLOT_BENCH_H

#include "base/alloc.h"
#include "routing/slot_group.h"
#include "routing/slot_pool.h"
#include "routing/slot_wait.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BENCH_ASKERS 12

/* What the hooks saw. */
struct seen {
    _Atomic unsigned demands, drained;
    _Atomic uint64_t last_drained;
    _Atomic unsigned lost, lost_by_runner;
    _Atomic uint64_t last_lost;
};

/* One request. */
struct asker {
    struct slot_waiter
        waiter; /* first, so that its mail leads back to it; its slot also when it did not wait */
    bool waits;
    unsigned deliveries; /* of its mail */
    unsigned order; /* of the last one among all */
};

struct slot_bench {
    struct seen seen;
    struct mailbox inbox;
    struct slot_pool *pool;
    struct slot_pool *other; /* that of other_pool(), or NULL */
    struct asker askers[BENCH_ASKERS];
    unsigned asked, delivered;
    struct slot_loan loan;
};

static inline void on_demand(void *context)
{
    atomic_fetch_add(&((struct seen *)context)->demands, 1);
}

static inline void on_lost(void *context, uint64_t instance, enum slot_fate fate)
{
    struct seen *seen = context;
    atomic_store(&seen->last_lost, instance);
    atomic_fetch_add(&seen->lost, 1);
    atomic_fetch_add(&seen->lost_by_runner, fate != SLOT_BROKEN);
}

static inline void on_drained(void *context, uint64_t instance)
{
    struct seen *seen = context;
    atomic_store(&seen->last_drained, instance);
    atomic_fetch_add(&seen->drained, 1);
}

static inline struct slot_pool *make_pool(struct seen *seen)
{
    const struct slot_pool_hooks hooks = {
        .demand = on_demand, .lost = on_lost, .drained = on_drained, .context = seen};
    return slot_pool_create(&hooks);
}

/* A second pool, which the bench gives up at the end. */
static inline struct slot_pool *other_pool(struct slot_bench *bench)
{
    bench->other = make_pool(&bench->seen);
    return bench->other;
}

static inline int any_fd(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* An instance with as many slots. */
static inline struct slot_group *add_group(struct slot_pool *pool, uint64_t instance, int slots)
{
    struct slot_group *group = slot_group_create(pool, instance);
    for (int i = 0; i < slots; i++)
        slot_group_add_slot(group, any_fd(), 1);
    return group;
}

static inline struct slot_counts counts(struct slot_pool *pool)
{
    struct slot_counts result;
    slot_pool_counts(pool, &result);
    return result;
}

static inline void on_mail(struct mail *mail, void *owner)
{
    struct slot_bench *bench = owner;
    struct asker *asker = (struct asker *)mail;
    asker->waits = false;
    asker->deliveries++;
    asker->order = ++bench->delivered;
    slot_pool_unref(asker->waiter.pool);
}

static inline void deliver(struct slot_bench *bench)
{
    mailbox_deliver(&bench->inbox, bench);
}

static inline enum slot_acquire ask(struct slot_bench *bench)
{
    assert_true(bench->asked < BENCH_ASKERS);
    struct asker *asker = &bench->askers[bench->asked++];
    struct slot *slot;
    asker->waiter = (struct slot_waiter){.mail.deliver = on_mail, .inbox = &bench->inbox, .queue_length = 4};
    enum slot_acquire got = slot_pool_acquire(bench->pool, 0, 1000, &asker->waiter, &slot);
    asker->waits = got == SLOT_QUEUED;
    if (got == SLOT_TAKEN)
        asker->waiter.slot = slot;
    return got;
}

/* Asks and finds a slot. */
static inline struct slot *take(struct slot_bench *bench)
{
    assert_int_equal(ask(bench), SLOT_TAKEN);
    return bench->askers[bench->asked - 1].waiter.slot;
}

/* Asks and has to wait. */
static inline struct asker *join(struct slot_bench *bench)
{
    assert_int_equal(ask(bench), SLOT_QUEUED);
    return &bench->askers[bench->asked - 1];
}

static inline void give_up(struct asker *asker)
{
    assert_true(slot_waiter_cancel(&asker->waiter));
    asker->waits = false;
}

/* Of several who have had the slot one after the other, the first gives it back. */
static inline void give_back(struct slot_bench *bench, struct slot *slot, enum slot_fate fate,
                             uint64_t service_us)
{
    struct asker *asker = bench->askers;
    while (asker->waiter.slot != slot)
        assert_true(++asker < bench->askers + bench->asked);
    asker->waiter.slot = NULL;
    slot_pool_release(slot, fate, 2000, service_us);
}

static inline void release(struct slot_bench *bench, struct slot *slot)
{
    give_back(bench, slot, SLOT_REUSABLE, 100);
}

static inline bool borrow(struct slot_bench *bench, struct slot_group *group)
{
    return slot_group_borrow(group, &bench->loan);
}

static inline void return_loan(struct slot_bench *bench, uint64_t now_ms)
{
    slot_group_return(&bench->loan, SLOT_REUSABLE, now_ms);
    bench->loan.slot = NULL;
}

static inline int open_bench(void **state)
{
    struct slot_bench *bench = xcalloc(1, sizeof(*bench));
    struct error err;
    assert_int_equal(mailbox_init(&bench->inbox, &err), 0);
    bench->pool = make_pool(&bench->seen);
    *state = bench;
    return 0;
}

static inline int close_bench(void **state)
{
    struct slot_bench *bench = *state;
    for (struct asker *asker = bench->askers; asker < bench->askers + bench->asked; asker++) {
        if (asker->waits && slot_waiter_cancel(&asker->waiter))
            asker->waits = false;
    }
    deliver(bench);
    for (struct asker *asker = bench->askers; asker < bench->askers + bench->asked; asker++) {
        free(asker->waiter.error);
        if (asker->waiter.slot)
            slot_pool_release(asker->waiter.slot, SLOT_BROKEN, 2000, 0);
    }
    if (bench->loan.slot)
        slot_group_return(&bench->loan, SLOT_BROKEN, 2000);
    slot_pool_unref(bench->other);
    slot_pool_unref(bench->pool);
    mailbox_clear(&bench->inbox);
    free(bench);
    return 0;
}

#define SLOT_TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

#endif
