#include "gateway/acquire.h"

#include "base/container_of.h"
#include "gateway/fail.h"
#include "gateway/inner_call.h"
#include "gateway/relay.h"
#include "gateway/request_bytes.h"

#include <stdlib.h>

#define NEAREST_MAX 3
#define NAME_SHOWN  128 /* bytes of a name that there is not */

/* --- the route --- */

static void fail_not_found(struct exchange *exchange)
{
    struct http_text name = exchange->target.name;
    const char *nearest[NEAREST_MAX];
    size_t count = route_snapshot_nearest(exchange->all->routes, name.data, name.length,
                                          exchange->client->entrance, nearest, NEAREST_MAX);
    struct error error;
    int length = (int)(name.length < NAME_SHOWN ? name.length : NAME_SHOWN);
    if (client_is_of_management(
            exchange->client)) /* clients of the /system contract know it by these words */
        error_set(&error, ERROR_FUNCTION_UNKNOWN, "error finding function %.*s%s: there is none of this name",
                  length, name.data, memchr(name.data, '.', name.length) ? "" : "." FUNCTION_NAMESPACE);
    else
        error_set(&error, ERROR_FUNCTION_UNKNOWN, "There is no function named \"%.*s\".", length, name.data);
    if (count == 0)
        error_hint(&error, "Functions are registered in global-function-definition.yml.");
    else
        error_hint(&error, "Did you mean %s%s%s%s%s?", nearest[0], count > 1 ? " or " : "",
                   count > 1 ? nearest[1] : "", count > 2 ? " or " : "", count > 2 ? nearest[2] : "");
    exchange_fail(exchange, &error);
}

/* The route of the function, whose limits hold from here on. NULL: there is none that serves. */
static const struct route *find_route(struct exchange *exchange)
{
    struct exchanges *all = exchange->all;
    route_table_refresh(all->table, &all->routes);
    const struct route *route =
        route_snapshot_find(all->routes, exchange->target.name.data, exchange->target.name.length);
    if (!route || (route->is_private && !exchange->client->entrance)) {
        fail_not_found(exchange);
        return NULL;
    }
    exchange->is_routed = true;
    if (!route->pool) {
        struct error problem;
        error_recall(route->problem, &problem);
        exchange_fail(exchange, &problem);
        return NULL;
    }
    exchange->limits = route->limits;
    return route;
}

/* Of the desk. A request that names no function has the host's limits. */
static struct slot_pool *find_desk(struct exchange *exchange)
{
    const struct desk *desk = exchange->all->desk;
    struct error problem;
    if (!desk->pool) {
        desk_describe_problem(desk, &problem);
        exchange_fail(exchange, &problem);
        return NULL;
    }
    if (!exchange->is_routed)
        exchange->limits.max_body_bytes = exchange->loop->settings->max_body_bytes;
    desk_adapt_limits(&exchange->limits);
    return desk->pool;
}

struct slot_pool *acquire_pool(struct exchange *exchange)
{
    enum desk_ask ask = exchange->asking.what;
    if (ask == DESK_LOOK || ask == DESK_CANCEL)
        return find_desk(exchange);
    const struct route *route = find_route(exchange);
    if (!route)
        return NULL;
    return ask == DESK_ACCEPT ? find_desk(exchange) : route->pool;
}

/* --- the queue --- */

static void fail_queue_full(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_QUEUE_FULL, "Too many requests wait for this function.");
    error_hint(&error, "The limit is queue_length: %u %s. Try again later.", exchange->limits.queue_length,
               route_limit_place(exchange->limits.own_queue_length));
    exchange_fail(exchange, &error);
}

static void wait_in_queue(struct exchange *exchange)
{
    exchange_enter(exchange, EXCHANGE_WAIT_SLOT);
    bool is_large = exchange->client->in->capacity > exchange->loop->heads.capacity;
    if (is_large && !request_bytes_shrink(exchange) && slot_waiter_cancel(&exchange->queue.waiter)) {
        exchange_fail_no_memory(exchange);
        return;
    }
    exchange->queue.cold = exchange->queue.cold || exchange->queue.waiter.cold;
    if (exchange->queue.waiter.cold)
        counter_add(&exchange->loop->counters, COUNTER_COLD_WAITS, 1);
    exchange->deadline.run_ms = loop_now_ms(exchange->loop) + exchange->limits.queue_timeout_ms;
    deadline_update(exchange);
}

/* The mail of a waiter: a slot or an error. */
static void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    struct slot_waiter *waiter = container_of(mail, struct slot_waiter, mail);
    struct exchange *exchange = container_of(waiter, struct exchange, queue.waiter);
    struct loop *loop = exchange->loop;
    struct error *error = waiter->error;
    exchange->revision = slot_pool_revision(waiter->pool);
    slot_pool_unref(waiter->pool);
    if (exchange->state == EXCHANGE_ORPHAN) {
        if (waiter->slot) {
            enum slot_fate fate = slot_link_pass_on(&exchange->all->links, waiter->slot);
            slot_pool_release(waiter->slot, fate, loop_now_ms(loop), 0);
        }
        exchange_free(exchange);
    } else {
        exchange_count_wait(exchange);
        if (error)
            exchange_fail_instance(exchange, error);
        else
            relay_start(exchange, waiter->slot);
    }
    free(error);
}

void acquire_slot(struct exchange *exchange, struct slot_pool *pool)
{
    struct loop *loop = exchange->loop;
    struct slot *slot;
    exchange->queue.waiter.inbox = &loop->inbox;
    exchange->queue.waiter.queue_length = exchange->limits.queue_length;
    exchange->queue.waiter.mail.deliver = on_mail;
    exchange->queue.joined_ns = loop_now_ns(loop);
    exchange->revision = slot_pool_revision(pool);
    switch (slot_pool_acquire(pool, loop->index, loop_now_ms(loop), &exchange->queue.waiter, &slot)) {
    case SLOT_TAKEN:
        relay_start(exchange, slot);
        break;
    case SLOT_QUEUED:
        wait_in_queue(exchange);
        break;
    case SLOT_REFUSED:
        fail_queue_full(exchange);
        break;
    }
}

/* Why a request waited in vain: `trouble` that keeps instances from starting, or NULL. */
static void describe_queue_timeout(const struct exchange *exchange, const struct error *trouble,
                                   struct error *error)
{
    unsigned limit_ms = exchange->limits.queue_timeout_ms;
    const char *place = route_limit_place(exchange->limits.own_queue_timeout);
    if (trouble) {
        error_set_in(error, trouble->component, trouble->code,
                     "The request waited %u ms for the function: %s", limit_ms, trouble->message);
        if (trouble->hint[0])
            error_hint(error, "%s", trouble->hint);
        else
            error_hint(error, "Try again later; how long a request waits is queue_timeout %s.", place);
        return;
    }
    error_set(error, ERROR_QUEUE_TIMEOUT, "The request waited %u ms for a free slot of the function.",
              limit_ms);
    if (inner_call_waits_for_itself(exchange))
        error_hint(error,
                   "It may wait for itself: it was made by %s, and keeps a slot of the function meanwhile. "
                   "Raise max_scale or concurrency, or call less deeply.",
                   exchange->inner->entry.chain.names);
    else if (exchange->queue.waiter.limit)
        error_hint(error,
                   "No further instance could be started: the limit is %s. How long a request waits is "
                   "queue_timeout %s. Try again later.",
                   exchange->queue.waiter.limit, place);
    else
        error_hint(error, "The limit is queue_timeout %s. Try again later.", place);
}

void acquire_give_up(struct exchange *exchange)
{
    struct error trouble, error;
    bool known = slot_waiter_trouble(&exchange->queue.waiter, &trouble);
    if (!slot_waiter_cancel(&exchange->queue.waiter))
        return; /* just in time: the mail is on its way */
    exchange_count_wait(exchange);
    if (exchange->asking.what) {
        exchange_fail_desk(exchange, "did not get to the request in time");
        return;
    }
    describe_queue_timeout(exchange, known ? &trouble : NULL, &error);
    exchange_fail(exchange, &error);
}
