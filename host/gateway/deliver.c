#include "gateway/deliver.h"

#include "gateway/request_bytes.h"
#include "gateway/spool.h"

/* The client's socket is full. True: what was to be written is in memory. Where it is not, the runner is held
 * back; an answer that has no runner behind it any more cannot wait. */
static bool yield_to_client(struct exchange *exchange)
{
    bool taken = spool_take(exchange);
    if (taken && exchange->down.complete) {
        exchange_free_slot(exchange);
        loop_give(exchange->loop, &exchange->received);
        exchange->down.buffer = NULL;
        taken = request_bytes_drop_body(exchange);
    }
    if (!taken && !exchange->hold.slot) {
        exchange_cut(exchange, ERROR_BUFFER_MEMORY);
        return false;
    }
    client_want_write(exchange->client);
    deadline_update(exchange);
    return taken && !exchange->down.complete;
}

bool deliver(struct exchange *exchange, struct http_text head)
{
    struct client *client = exchange->client;
    enum flow_write result = spool_write(exchange, head);
    if (result == FLOW_BLOCKED)
        return yield_to_client(exchange);
    if (exchange->down.complete)
        exchange_free_slot(exchange);
    if (result == FLOW_BROKEN) {
        client_close(client, true);
        return false;
    }
    if (exchange->down.complete) {
        exchange_finish(exchange);
        return false;
    }
    return true;
}

bool deliver_interim(struct exchange *exchange, struct http_text head)
{
    enum flow_write result = spool_write(exchange, head);
    if (result == FLOW_BROKEN)
        client_close(exchange->client, true);
    if (result == FLOW_BLOCKED)
        client_want_write(exchange->client);
    return result != FLOW_BROKEN;
}
