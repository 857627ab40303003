#include "gateway/lost.h"

#include "base/log.h"
#include "gateway/relay.h"
#include "gateway/worker.h"

#include <stdio.h>

#define LOOK_MS     20   /* between two looks */
#define PATIENCE_MS 5000 /* Docker reports the end of a container sooner, unless it is busy or away */

/* Nobody has told what became of the instance: the engine is busy or has gone, which no function can bring
 * about. */
static void describe_silence(const struct exchange *exchange, struct error *ret_cause)
{
    bool asked = exchange->worker->shared->hooks.loss_cause != NULL;
    error_set(ret_cause, "runner", "runner-lost", "%s%s", exchange->lost,
              asked ? " Docker has not told why." : "");
    error_hint(ret_cause, "The log of the function shows why it ended.");
}

static void log_repeat(const struct exchange *exchange, const struct error *cause)
{
    char id[REQUEST_ID_MAX + 1];
    snprintf(id, sizeof(id), "%.*s", (int)exchange->id.length, exchange->id.data);
    log_info("gateway.repeated", LOG_STR("request_id", id), LOG_ERR(cause));
}

static void conclude(struct exchange *exchange, enum instance_loss loss, const struct error *cause)
{
    if (loss == LOSS_OWN || !exchange->may_repeat) {
        exchange_fail(exchange, 502, cause);
        return;
    }
    log_repeat(exchange, cause);
    exchange->repeated = true;
    exchange->run_due_ms = TIMER_NEVER;
    relay_again(exchange);
}

void lost_look(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = &exchange->worker->shared->hooks;
    enum instance_loss loss = LOSS_UNKNOWN;
    struct error cause;
    if (hooks->loss_cause)
        loss = hooks->loss_cause(hooks->context, exchange->instance, exchange->lost_ms, &cause);
    if (loss != LOSS_UNKNOWN) {
        conclude(exchange, loss, &cause);
    } else if (!hooks->loss_cause || now_ms >= exchange->lost_ms + PATIENCE_MS) {
        describe_silence(exchange, &cause);
        conclude(exchange, LOSS_OUTSIDE, &cause);
    } else {
        exchange->run_due_ms = now_ms + LOOK_MS;
        exchange_update_deadline(exchange);
    }
}

void lost_begin(struct exchange *exchange, const char *how, bool may_repeat)
{
    struct worker *worker = exchange->worker;
    relay_drop_slot(exchange, SLOT_LOST);
    if (exchange->received)
        worker_give(worker, &exchange->received);
    exchange->lost = how;
    exchange->lost_ms = worker_now_ms(worker);
    exchange->may_repeat = may_repeat;
    exchange_enter(exchange, EXCHANGE_FIND_CAUSE);
    lost_look(exchange, exchange->lost_ms);
}
