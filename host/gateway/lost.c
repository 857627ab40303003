#include "gateway/lost.h"

#include "base/log.h"
#include "gateway/fail.h"

#include <stdio.h>

#define LOOK_MS          20 /* between two looks */
#define PATIENCE_MS      5000 /* Docker reports the end of a container sooner, unless it is busy or away */
#define DESK_PATIENCE_MS 500 /* the desk is part of the daemon and comes back with it only */

/* Nobody has told what became of the instance: the engine is busy or has gone, which no function can bring
 * about. */
static void describe_silence(const struct exchange *exchange, struct error *ret_cause)
{
    bool asked = exchange->all->hooks->loss_cause != NULL;
    error_set(ret_cause, ERROR_RUNNER_LOST, "%s%s", exchange->loss.how,
              asked ? " Docker has not told why." : "");
    error_hint(ret_cause, "The log of the function shows why it ended.");
}

static void log_repeat(const struct exchange *exchange, const struct error *cause)
{
    char id[REQUEST_ID_MAX + 1];
    snprintf(id, sizeof(id), "%.*s", (int)exchange->id.length, exchange->id.data);
    log_traffic(LOG_INFO, "gateway.repeated", LOG_STR("request_id", id), LOG_ERR(cause));
}

static void conclude(struct exchange *exchange, enum instance_loss loss, const struct error *cause)
{
    if (loss == LOSS_OWN || !exchange->loss.may_repeat) {
        exchange_fail_instance(exchange, cause);
        return;
    }
    log_repeat(exchange, cause);
    exchange->loss.repeated = true;
    exchange_again(exchange);
}

void lost_look(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = exchange->all->hooks;
    enum instance_loss loss = LOSS_UNKNOWN;
    struct error cause;
    if (hooks->loss_cause)
        loss = hooks->loss_cause(hooks->context, exchange->hold.instance, exchange->loss.since_ms, &cause);
    if (loss != LOSS_UNKNOWN) {
        conclude(exchange, loss, &cause);
    } else if (!hooks->loss_cause || now_ms >= exchange->loss.since_ms + PATIENCE_MS) {
        describe_silence(exchange, &cause);
        conclude(exchange, LOSS_OUTSIDE, &cause);
    } else {
        exchange->deadline.run_ms = now_ms + LOOK_MS;
        deadline_update(exchange);
    }
}

/* Gives the slot up, finds the cause, and then answers 502 or, when `may_repeat` and the loss came from
 * outside, sends the request to another slot. At once when nobody can tell the cause, else when it is known
 * or has been waited for long enough; a cause that nobody tells is taken to be outside. */
static void find_cause(struct exchange *exchange, const char *how, bool may_repeat)
{
    struct loop *loop = exchange->loop;
    if (exchange->asking.what) {
        exchange_fail_desk(exchange, "closed the connection without an answer");
        return;
    }
    exchange_drop_slot(exchange, SLOT_LOST);
    if (exchange->received)
        loop_give(loop, &exchange->received);
    exchange->loss.how = how;
    exchange->loss.since_ms = loop_now_ms(loop);
    exchange->loss.may_repeat = may_repeat;
    exchange_enter(exchange, EXCHANGE_FIND_CAUSE);
    lost_look(exchange, exchange->loss.since_ms);
}

/* Nobody has taken the connection: the server has gone, which will soon be known, or is back in a moment. The
 * slot is another's meanwhile. */
static void wait_for_server(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    exchange_drop_slot(exchange, SLOT_UNREACHED);
    if (exchange->loss.unreached_ms == 0)
        exchange->loss.unreached_ms = loop_now_ms(loop);
    exchange_enter(exchange, EXCHANGE_UNREACHED);
    exchange->deadline.run_ms = loop_now_ms(loop) + LOOK_MS;
    deadline_update(exchange);
}

static unsigned patience_ms(const struct exchange *exchange)
{
    return exchange->asking.what ? DESK_PATIENCE_MS : PATIENCE_MS;
}

/* The instance is no good any more, whatever the engine says of its container. */
void lost_reach_again(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = exchange->all->hooks;
    struct error error;
    if (now_ms < exchange->loss.unreached_ms + patience_ms(exchange)) {
        exchange_again(exchange);
        return;
    }
    if (exchange->asking.what) {
        exchange_fail_desk(exchange, "takes no connections");
        return;
    }
    if (hooks->instance_timed_out)
        hooks->instance_timed_out(hooks->context, exchange->hold.instance);
    error_set(&error, ERROR_RUNNER_LOST, "The function's server takes no connections any more.");
    error_hint(&error, "The log of the function may show why.");
    exchange_fail_instance(exchange, &error);
}

/* Over a slot that has an address, by a connection that was kept from an earlier request: its end says
 * nothing of the instance. False: it was another one. */
static bool send_over_fresh(struct exchange *exchange, bool may_repeat)
{
    if (!exchange->hold.slot->address || exchange->hold.watch->fresh || !may_repeat)
        return false;
    exchange->sending.fresh = true;
    exchange_drop_slot(exchange, SLOT_DROPPED);
    exchange_again(exchange);
    return true;
}

static bool was_heard(const struct exchange *exchange)
{
    uint64_t written = exchange->up.written;
    bool connected = exchange->hold.slot->address;
    return written > 0 && !(connected && slot_link_was_deaf(exchange->hold.watch, written));
}

void lost_unanswered(struct exchange *exchange)
{
    bool untouched = !was_heard(exchange);
    bool whole = !exchange->sending.recycled && !exchange->up.moved && !exchange->answering.early;
    bool harmless = !exchange->loss.repeated && http_method_is_idempotent(exchange->request.method);
    loop_give(exchange->loop, &exchange->up.head);
    loop_give(exchange->loop, &exchange->up.tail);
    if (send_over_fresh(exchange, whole && (untouched || harmless)))
        return;
    if (exchange->hold.slot->address && untouched && whole) {
        wait_for_server(exchange);
        return;
    }
    exchange_drop_slot(exchange, untouched ? SLOT_DROPPED : SLOT_LOST);
    if (untouched && whole)
        exchange_again(exchange);
    else
        find_cause(exchange, "The function's runner closed the connection without an answer.",
                   whole && harmless);
}

void lost_in_answer(struct exchange *exchange)
{
    find_cause(exchange, "The function's runner closed the connection within its answer.", false);
}
