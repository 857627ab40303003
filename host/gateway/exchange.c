#include "gateway/exchange.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define RESPONSE_HEAD_MAX 32768

/* Header lines that an accepted call has been given, above those that its client may send. */
#define DELIVERY_HEADERS 32

/* Kept for reuse at most. */
#define EXCHANGES_KEPT 256

static const char *const state_names[] = {
    [EXCHANGE_READ_HEAD] = "read-head",   [EXCHANGE_AGAIN] = "again",
    [EXCHANGE_RECEIVE] = "receive",       [EXCHANGE_WAIT_SLOT] = "wait-slot",
    [EXCHANGE_FIND_CAUSE] = "find-cause", [EXCHANGE_UNREACHED] = "unreached",
    [EXCHANGE_AWAIT_HEAD] = "await-head", [EXCHANGE_RELAY] = "relay",
    [EXCHANGE_TUNNEL] = "tunnel",         [EXCHANGE_ANSWER] = "answer",
    [EXCHANGE_ORPHAN] = "orphan",
};

void exchanges_init(struct exchanges *exchanges, struct loop *loop, struct route_table *table,
                    const struct gateway_hooks *hooks, const struct desk *desk, uint64_t max_backlog_bytes,
                    bool (*on_short)(struct backlog *backlog, uint64_t now_ms))
{
    const struct host_settings *settings = loop->settings;
    *exchanges = (struct exchanges){
        .loop = loop,
        .table = table,
        .hooks = hooks,
        .desk = desk,
        .links.loop = loop,
        .request_limits = {.head_bytes = settings->max_head_bytes,
                           .target_bytes = settings->max_target_bytes},
        .delivery_limits = {.head_bytes = settings->max_head_bytes + LOOP_ADDED_MAX,
                            .target_bytes = settings->max_target_bytes + LOOP_ADDED_MAX},
        .response_limits = {.head_bytes = RESPONSE_HEAD_MAX},
        .request_headers = settings->max_headers,
    };
    backlogs_init(&exchanges->backlogs, loop, max_backlog_bytes, on_short);
    record_ring_init(&exchanges->records);
    size_t headers = exchanges->request_headers + DELIVERY_HEADERS + HTTP_HEADERS_DEFAULT;
    loop_init_list(loop, &exchanges->spare, sizeof(struct exchange) + headers * sizeof(struct http_header),
                   EXCHANGES_KEPT);
}

void exchanges_clear(struct exchanges *exchanges)
{
    slot_links_clear(&exchanges->links);
    freelist_clear(&exchanges->spare);
    record_ring_clear(&exchanges->records);
    route_snapshot_unref(exchanges->routes);
    exchanges->routes = NULL;
}

/* A call that is delivered has a head that was accepted as it was, and what it has been given since. */
static void init_parser(struct exchange *exchange)
{
    const struct exchanges *all = exchange->all;
    bool is_delivery = client_is_calls(exchange->client);
    http_head_parser_init_request(&exchange->parser, &exchange->request, exchange->request_headers,
                                  all->request_headers + (is_delivery ? DELIVERY_HEADERS : 0),
                                  is_delivery ? &all->delivery_limits : &all->request_limits);
}

struct exchange *exchange_begin(struct exchanges *exchanges, struct client *client)
{
    struct exchange *exchange = freelist_take(&exchanges->spare);
    if (!exchange)
        return NULL;
    memset(exchange, 0, sizeof(*exchange));
    exchange->all = exchanges;
    exchange->loop = exchanges->loop;
    exchange->client = client;
    exchange->state = EXCHANGE_READ_HEAD;
    exchange->times.began_ns = loop_now_ns(exchanges->loop);
    exchange->response_headers = exchange->request_headers + exchanges->request_headers + DELIVERY_HEADERS;
    exchange->up.loop = exchange->down.loop = exchanges->loop;
    exchange->backlog.all = &exchanges->backlogs;
    deadline_init(exchange);
    init_parser(exchange);
    return exchange;
}

void exchange_enter(struct exchange *exchange, enum exchange_state state)
{
    if (log_enabled(LOG_DEBUG))
        log_debug("exchange.state", LOG_INT("worker", exchange->loop->index),
                  LOG_INT("fd", exchange->client ? exchange->client->fd : -1),
                  LOG_STR("from", state_names[exchange->state]), LOG_STR("to", state_names[state]));
    if (exchange->state == EXCHANGE_READ_HEAD)
        client_stop_idling(exchange->client);
    exchange->state = state;
}

int exchange_scan_body(struct exchange *exchange)
{
    int code = flow_scan(&exchange->up);
    if (exchange->up.complete && exchange->times.body_ns == 0)
        exchange->times.body_ns = loop_now_ns(exchange->loop);
    return code;
}

void exchange_count_wait(struct exchange *exchange)
{
    exchange->queue.waited_ns += loop_now_ns(exchange->loop) - exchange->queue.joined_ns;
}

/* --- the slot --- */

/* Whether the connection is in a state that another request can follow. */
static bool slot_is_clean(const struct exchange *exchange)
{
    const struct flow *up = &exchange->up, *down = &exchange->down;
    bool sent = up->complete && !flow_has_output(up) && !exchange->sending.broken;
    bool nothing_more = !down->buffer || down->raw == down->buffer->end;
    return sent && nothing_more && exchange->response.keep_alive && !exchange->hold.watch->closed;
}

/* Of a slot that has an address only the connection goes, and the room stays. Returns what the pool has to
 * know. A server that has said that it closes is not waited for. */
static enum slot_fate leave_connection(const struct exchange *exchange, enum slot_fate fate)
{
    struct slot_watch *watch = exchange->hold.watch;
    bool announced = exchange->down.complete && !exchange->response.keep_alive;
    if (fate == SLOT_REUSABLE)
        slot_link_keep(watch);
    else
        slot_link_disconnect(exchange->hold.slot, announced && exchange->up.complete);
    return fate == SLOT_LOST || fate == SLOT_UNREACHED ? fate : SLOT_REUSABLE;
}

void exchange_drop_slot(struct exchange *exchange, enum slot_fate fate)
{
    struct slot *slot = exchange->hold.slot;
    struct slot_watch *watch = exchange->hold.watch;
    struct loop *loop = exchange->loop;
    if (!slot)
        return;
    if (fate == SLOT_REUSABLE && !slot_is_clean(exchange))
        fate = SLOT_BROKEN;
    if (fate == SLOT_BROKEN && watch->closed)
        fate = SLOT_DROPPED;
    if (exchange->inner)
        call_book_leave(&exchange->inner->entry);
    uint64_t service_us = (loop_now_ns(loop) - exchange->times.slot_ns) / 1000 + 1;
    flow_drop_kept(&exchange->up);
    slot_link_set_user(watch, NULL, NULL);
    if (slot->address)
        fate = leave_connection(exchange, fate);
    else if (fate != SLOT_REUSABLE)
        slot_link_detach(watch);
    exchange->hold.slot = NULL;
    exchange->hold.watch = NULL;
    slot_pool_release(slot, fate, loop_now_ms(loop), exchange->up.written > 0 ? service_us : 0);
}

void exchange_free_slot(struct exchange *exchange)
{
    if (!exchange->hold.slot)
        return;
    exchange_drop_slot(exchange, SLOT_REUSABLE);
    deadline_end_run(exchange);
}

void exchange_again(struct exchange *exchange)
{
    counter_add(&exchange->loop->counters, COUNTER_RETRIES, 1);
    exchange_enter(exchange, EXCHANGE_AGAIN);
    deadline_end_run(exchange);
    deadline_update(exchange);
    client_postpone(exchange->client);
}

/* --- what stays of it --- */

static struct http_text text_of(const char *text)
{
    return http_text_make(text, strlen(text));
}

/* Of a request from outside, the one that it names. */
static void gather_trace(const struct exchange *exchange, struct http_text *ret_trace)
{
    const struct http_header *header = http_head_find(&exchange->request, HTTP_HEADER_TRACEPARENT);
    if (exchange->inner)
        *ret_trace = text_of(exchange->inner->entry.chain.trace);
    else if (header)
        traceparent_read(http_head_value(&exchange->request, header), ret_trace);
}

static void gather_texts(const struct exchange *exchange, struct http_text texts[REQUEST_TEXTS])
{
    const struct http_head *request = &exchange->request;
    const struct kept_error *problem = exchange->ending.problem;
    texts[REQUEST_ID] = exchange->id;
    texts[REQUEST_FUNCTION] = exchange->target.name;
    texts[REQUEST_CLIENT] = client_address(exchange->client);
    if (request->bytes) {
        texts[REQUEST_METHOD] = http_head_text(request, request->method_text);
        texts[REQUEST_TARGET] = http_head_text(request, request->target);
        gather_trace(exchange, &texts[REQUEST_TRACE]);
    }
    if (client_is_function(exchange->client))
        texts[REQUEST_CALLER] = text_of(exchange->client->entrance->function);
    if (problem) {
        texts[REQUEST_MESSAGE] = text_of(problem->message);
        texts[REQUEST_HINT] = text_of(problem->hint);
    }
}

static uint16_t depth_of(const struct exchange *exchange)
{
    return exchange->inner ? (uint16_t)exchange->inner->entry.chain.depth : 0;
}

static uint64_t bytes_in(const struct exchange *exchange)
{
    return exchange->request.length + exchange->up.body.received;
}

static void fill_record(struct request_record *record, const struct exchange *exchange, enum request_end end)
{
    const struct ending *ending = &exchange->ending;
    *record = (struct request_record){
        .times = exchange->times,
        .waited_ns = exchange->queue.waited_ns,
        .instance = exchange->hold.instance,
        .revision = exchange->revision,
        .bytes_in = bytes_in(exchange),
        .bytes_out = exchange->down.written,
        .code = ending->code,
        .component = ending->problem ? ending->problem->component : error_code_component(ending->code),
        .status = exchange->status,
        .depth = depth_of(exchange),
        .end = (uint8_t)end,
        .is_own = ending->is_own,
        .is_routed = exchange->is_routed,
        .is_cold = exchange->queue.cold,
        .is_stream = exchange->answering.is_stream,
    };
}

/* Puts the record of an exchange that still has all that it held into the worker's ring, or counts that there
 * was no room. */
static void leave_record(const struct exchange *exchange, enum request_end end)
{
    struct exchanges *all = exchange->all;
    struct http_text texts[REQUEST_TEXTS] = {0};
    gather_texts(exchange, texts);
    struct request_record *record = record_ring_reserve(&all->records, request_record_size(texts));
    if (!record) {
        counter_add(&exchange->loop->counters, COUNTER_RECORDS_DROPPED, 1);
        return;
    }
    fill_record(record, exchange, end);
    request_record_set_texts(record, texts);
    if (record_ring_commit(&all->records) && all->hooks->records)
        all->hooks->records(all->hooks->context);
}

void exchange_take_off(struct exchange *exchange)
{
    struct http_text texts[REQUEST_TEXTS] = {0};
    if (!exchange->all->in_flight || exchange->flight)
        return;
    gather_texts(exchange, texts);
    exchange->flight = in_flight_begin(exchange->all->in_flight, &exchange->times, depth_of(exchange), texts);
}

/* --- the end --- */

static void count_end(struct exchange *exchange)
{
    struct counters *counters = &exchange->loop->counters;
    if (exchange->counted)
        counter_add(counters, COUNTER_REQUESTS_ACTIVE, (uint64_t)-1);
    if (exchange->status > 0)
        counter_add(counters, COUNTER_RESPONSES_1XX + exchange->status / 100u - 1, 1);
    if (exchange->ending.is_own)
        counter_add(counters, COUNTER_RESPONSES_OWN, 1);
}

void exchange_free(struct exchange *exchange)
{
    struct loop *loop = exchange->loop;
    backlog_clear(&exchange->backlog);
    flow_clear(&exchange->up);
    flow_clear(&exchange->down);
    loop_give(loop, &exchange->received);
    loop_give(loop, &exchange->request_bytes);
    free(exchange->ending.problem);
    free(exchange->inner);
    freelist_give(&exchange->all->spare, exchange);
}

/* Where every exchange ends: it is counted and recorded, and freed, unless a mail is on its way to it; then
 * an orphan waits for that. Client and slot are no concern of it any more. */
static void exchange_end(struct exchange *exchange, enum request_end end)
{
    bool waits = exchange->state == EXCHANGE_WAIT_SLOT;
    bool mail_comes = waits && !slot_waiter_cancel(&exchange->queue.waiter);
    if (waits)
        exchange_count_wait(exchange);
    exchange->times.end_ns = loop_now_ns(exchange->loop);
    count_end(exchange);
    leave_record(exchange, end);
    in_flight_end(exchange->all->in_flight, exchange->flight);
    if (mail_comes) {
        exchange_enter(exchange, EXCHANGE_ORPHAN);
        exchange->client = NULL;
    } else {
        exchange_free(exchange);
    }
}

/* The function is called later. */
static bool is_accepted(const struct exchange *exchange)
{
    return exchange->asking.what == DESK_ACCEPT && exchange->status == 202;
}

void exchange_finish(struct exchange *exchange)
{
    struct client *client = exchange->client;
    bool keep = exchange->keep_alive;
    uint32_t unused = exchange->up.raw;
    bool sending = !exchange->up.complete || (client->in && unused < client->in->end) || client->readable;
    exchange_end(exchange, is_accepted(exchange) ? REQUEST_ACCEPTED : REQUEST_ANSWERED);
    if (keep)
        client_next_request(client, unused);
    else
        client_finish(client, sending);
}

void exchange_cut(struct exchange *exchange, enum error_code why)
{
    if (exchange->ending.code != why)
        error_replace(&exchange->ending.problem, NULL);
    exchange->ending.code = why;
    exchange->ending.is_cut = true;
    client_close(exchange->client, true);
}

/* Nobody but a client that wants in closes the connection of one whose head is not complete. */
static enum request_end end_of_abandoned(const struct exchange *exchange)
{
    if (exchange->ending.is_cut)
        return REQUEST_CUT;
    if (exchange->loop->phase == LOOP_STOPPED)
        return REQUEST_STOPPED;
    if (exchange->state == EXCHANGE_READ_HEAD && !exchange->client->closed)
        return REQUEST_EVICTED;
    return REQUEST_CLIENT_GONE;
}

void exchange_abandon(struct exchange *exchange)
{
    exchange_drop_slot(exchange, SLOT_BROKEN);
    exchange_end(exchange, end_of_abandoned(exchange));
}

bool exchange_is_untouched(const struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_READ_HEAD:
    case EXCHANGE_AGAIN:
    case EXCHANGE_RECEIVE:
    case EXCHANGE_WAIT_SLOT:
        return !exchange->request_bytes && !exchange->sending.recycled && !exchange->up.moved &&
               !exchange->answering.early;
    default:
        return false;
    }
}

bool exchange_undo(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_WAIT_SLOT && !slot_waiter_cancel(&exchange->queue.waiter))
        return false;
    if (exchange->counted)
        counter_add(&exchange->loop->counters, COUNTER_REQUESTS_ACTIVE, (uint64_t)-1);
    in_flight_end(exchange->all->in_flight, exchange->flight);
    exchange_free(exchange);
    return true;
}
