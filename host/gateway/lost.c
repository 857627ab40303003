#include "gateway/lost.h"

#include "gateway/relay.h"
#include "gateway/worker.h"

#define LOOK_MS     20   /* between two looks */
#define PATIENCE_MS 1000 /* Docker reports the end of a container sooner, unless it is busy */

static void fail(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "runner", "runner-lost", "%s", exchange->lost);
    error_hint(&error, "The log of the function shows why it ended.");
    exchange_fail(exchange, 502, &error);
}

void lost_look(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = &exchange->worker->shared->hooks;
    struct error cause;
    if (hooks->loss_cause(hooks->context, exchange->instance, &cause)) {
        exchange_fail(exchange, 502, &cause);
    } else if (now_ms >= exchange->lost_due_ms) {
        fail(exchange);
    } else {
        exchange->run_due_ms = now_ms + LOOK_MS;
        exchange_update_deadline(exchange);
    }
}

void lost_begin(struct exchange *exchange, const char *how)
{
    struct worker *worker = exchange->worker;
    uint64_t now_ms = worker_now_ms(worker);
    relay_drop_slot(exchange, SLOT_BROKEN);
    if (exchange->received)
        worker_give(worker, &exchange->received);
    exchange->lost = how;
    exchange->lost_due_ms = now_ms + PATIENCE_MS;
    if (!worker->shared->hooks.loss_cause) {
        fail(exchange);
        return;
    }
    exchange_enter(exchange, EXCHANGE_FIND_CAUSE);
    lost_look(exchange, now_ms);
}
