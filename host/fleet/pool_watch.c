#include "fleet/pool_watch.h"

#include "base/strbuf.h"

#include <stdatomic.h>
#include <stdlib.h>

struct pool_watch {
    struct fleet_env *env;
    struct pool_watch_hooks hooks;
    void *owner;           /* control thread; NULL after the end */
    _Atomic unsigned refs; /* one for the owner, one for the pool, one for each mail on its way */
};

struct pool_mail {
    struct mail mail;
    struct pool_watch *watch;
    bool drained;      /* else: demand */
    uint64_t instance; /* that has drained */
};

static void unref(struct pool_watch *watch)
{
    if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) == 1)
        free(watch);
}

static void deliver(struct mail *mail, void *inbox_owner)
{
    (void)inbox_owner;
    struct pool_mail *message = (struct pool_mail *)mail;
    struct pool_watch *watch = message->watch;
    if (watch->owner && message->drained)
        watch->hooks.drained(watch->owner, message->instance);
    else if (watch->owner)
        watch->hooks.demand(watch->owner);
    unref(watch);
    free(message);
}

static void post(struct pool_watch *watch, bool drained, uint64_t instance)
{
    struct pool_mail *message = xcalloc(1, sizeof(*message));
    *message =
        (struct pool_mail){.mail.deliver = deliver, .watch = watch, .drained = drained, .instance = instance};
    atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
    mailbox_post(&watch->env->inbox, &message->mail);
}

static void on_demand(void *context)
{
    post(context, false, 0);
}

static void on_drained(void *context, uint64_t instance)
{
    post(context, true, instance);
}

static void on_destroyed(void *context)
{
    unref(context);
}

struct pool_watch *pool_watch_create(struct fleet_env *env, const struct slot_pool_limits *limits,
                                     const struct pool_watch_hooks *hooks, void *owner,
                                     struct slot_pool **ret_pool)
{
    struct pool_watch *watch = xcalloc(1, sizeof(*watch));
    watch->env = env;
    watch->hooks = *hooks;
    watch->owner = owner;
    atomic_init(&watch->refs, 2);
    struct slot_pool_hooks pool_hooks = {
        .demand = on_demand, .drained = on_drained, .destroyed = on_destroyed, .context = watch};
    *ret_pool = slot_pool_create(limits, &pool_hooks);
    return watch;
}

void pool_watch_end(struct pool_watch *watch)
{
    watch->owner = NULL;
    unref(watch);
}
