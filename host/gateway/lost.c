#include "gateway/lost.h"

#include "base/log.h"
#include "gateway/fail.h"

#include <stdio.h>

#define LOOK_MS     20 /* between two looks */
#define PATIENCE_MS 5000 /* Docker reports the end of a container sooner, unless it is busy or away */

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
    exchange_drop_slot(exchange, SLOT_LOST);
    if (exchange->received)
        loop_give(loop, &exchange->received);
    exchange->loss.how = how;
    exchange->loss.since_ms = loop_now_ms(loop);
    exchange->loss.may_repeat = may_repeat;
    exchange_enter(exchange, EXCHANGE_FIND_CAUSE);
    lost_look(exchange, exchange->loss.since_ms);
}

void lost_unanswered(struct exchange *exchange)
{
    bool untouched = exchange->up.written == 0;
    bool whole = !exchange->sending.recycled && !exchange->up.moved && !exchange->answering.early;
    bool harmless = !exchange->loss.repeated && http_method_is_idempotent(exchange->request.method);
    exchange_drop_slot(exchange, untouched ? SLOT_DROPPED : SLOT_LOST);
    loop_give(exchange->loop, &exchange->up.head);
    loop_give(exchange->loop, &exchange->up.tail);
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
