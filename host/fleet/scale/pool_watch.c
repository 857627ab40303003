#include "fleet/scale/pool_watch.h"

#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

struct pool_watch {
    struct fleet_env *env;
    struct pool_watch_hooks hooks;
    void *owner; /* control thread; NULL after the end */
    _Atomic unsigned refs; /* one for the owner, one for the pool, one for each mail on its way */
};

enum pool_news { POOL_DEMAND, POOL_LOST, POOL_DRAINED };

struct pool_mail {
    struct mail mail;
    struct pool_watch *watch;
    enum pool_news news;
    uint64_t instance; /* 0: about none */
    enum slot_fate fate;
};

static void unref(struct pool_watch *watch)
{
    if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) == 1)
        free(watch);
}

static void tell(const struct pool_watch *watch, const struct pool_mail *message)
{
    switch (message->news) {
    case POOL_DEMAND:
        watch->hooks.demand(watch->owner);
        break;
    case POOL_LOST:
        watch->hooks.lost(watch->owner, message->instance, message->fate);
        break;
    case POOL_DRAINED:
        watch->hooks.drained(watch->owner, message->instance);
        break;
    }
}

static void deliver(struct mail *mail, void *inbox_owner)
{
    (void)inbox_owner;
    struct pool_mail *message = (struct pool_mail *)mail;
    struct pool_watch *watch = message->watch;
    if (watch->owner)
        tell(watch, message);
    unref(watch);
    free(message);
}

static void post(struct pool_watch *watch, enum pool_news news, uint64_t instance, enum slot_fate fate)
{
    struct pool_mail *message = xcalloc(1, sizeof(*message));
    *message = (struct pool_mail){
        .mail.deliver = deliver, .watch = watch, .news = news, .instance = instance, .fate = fate};
    atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
    mailbox_post(&watch->env->inbox, &message->mail);
}

static void on_demand(void *context)
{
    post(context, POOL_DEMAND, 0, SLOT_REUSABLE);
}

static void on_lost(void *context, uint64_t instance, enum slot_fate fate)
{
    post(context, POOL_LOST, instance, fate);
}

static void on_drained(void *context, uint64_t instance)
{
    post(context, POOL_DRAINED, instance, SLOT_REUSABLE);
}

static void on_destroyed(void *context)
{
    unref(context);
}

struct pool_watch *pool_watch_create(struct fleet_env *env, const struct pool_watch_hooks *hooks, void *owner,
                                     struct slot_pool **ret_pool)
{
    struct pool_watch *watch = xcalloc(1, sizeof(*watch));
    watch->env = env;
    watch->hooks = *hooks;
    watch->owner = owner;
    atomic_init(&watch->refs, 2);
    struct slot_pool_hooks pool_hooks = {.demand = on_demand,
                                         .lost = on_lost,
                                         .drained = on_drained,
                                         .destroyed = on_destroyed,
                                         .context = watch};
    *ret_pool = slot_pool_create(&pool_hooks);
    return watch;
}

void pool_watch_end(struct pool_watch *watch)
{
    watch->owner = NULL;
    unref(watch);
}
