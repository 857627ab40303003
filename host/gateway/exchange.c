#include "gateway/exchange.h"

#include "base/log.h"
#include "gateway/access_log.h"
#include "gateway/answer.h"
#include "gateway/receive.h"
#include "gateway/relay.h"
#include "gateway/spool.h"
#include "http/hop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEAREST_MAX 3

static const char *const state_names[] = {
    [EXCHANGE_READ_HEAD] = "read-head",   [EXCHANGE_RECEIVE] = "receive",
    [EXCHANGE_WAIT_SLOT] = "wait-slot",   [EXCHANGE_FIND_CAUSE] = "find-cause",
    [EXCHANGE_AWAIT_HEAD] = "await-head", [EXCHANGE_RELAY] = "relay",
    [EXCHANGE_TUNNEL] = "tunnel",         [EXCHANGE_ANSWER] = "answer",
    [EXCHANGE_ORPHAN] = "orphan",
};

static void on_mail(struct mail *mail, void *owner);

size_t exchange_size(const struct worker *worker)
{
    size_t headers = worker->request_headers + HTTP_HEADERS_DEFAULT;
    return sizeof(struct exchange) + headers * sizeof(struct http_header);
}

void exchange_enter(struct exchange *exchange, enum exchange_state state)
{
    if (log_enabled(LOG_DEBUG))
        log_debug("exchange.state", LOG_INT("worker", exchange->worker->index),
                  LOG_INT("fd", exchange->client ? exchange->client->fd : -1),
                  LOG_STR("from", state_names[exchange->state]), LOG_STR("to", state_names[state]));
    if (exchange->state == EXCHANGE_READ_HEAD)
        client_stop_idling(exchange->client);
    exchange->state = state;
}

struct exchange *exchange_begin(struct client *client)
{
    struct worker *worker = client->worker;
    struct exchange *exchange = freelist_take(&worker->spare_exchanges);
    if (!exchange)
        return NULL;
    memset(exchange, 0, sizeof(*exchange));
    exchange->worker = worker;
    exchange->client = client;
    exchange->state = EXCHANGE_READ_HEAD;
    exchange->response_headers = exchange->request_headers + worker->request_headers;
    deadline_init(exchange);
    http_head_parser_init_request(&exchange->parser, &exchange->request, exchange->request_headers,
                                  worker->request_headers, &worker->request_limits);
    return exchange;
}

/* Frees all that the exchange holds, and the exchange; the client and its buffer stay. */
static void release_exchange(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    outbox_forget(exchange);
    backlog_clear(exchange);
    flow_clear(&exchange->up, worker);
    flow_clear(&exchange->down, worker);
    worker_give(worker, &exchange->received);
    worker_give(worker, &exchange->request_bytes);
    if (exchange->counted)
        counter_add(&worker->counters.requests_active, (uint64_t)-1);
    freelist_give(&worker->spare_exchanges, exchange);
}

/* The answer is written. */
static void finish(struct exchange *exchange)
{
    struct client *client = exchange->client;
    bool keep = exchange->keep_alive;
    uint32_t unused = exchange->up.raw;
    bool sending = !exchange->up.complete || (client->in && unused < client->in->end) || client->readable;
    if (log_enabled(LOG_DEBUG))
        access_log_request(exchange);
    release_exchange(exchange);
    if (keep)
        client_next_request(client, unused);
    else
        client_finish(client, sending);
}

void exchange_abandon(struct exchange *exchange)
{
    relay_drop_slot(exchange, SLOT_BROKEN);
    bool mail_comes = exchange->state == EXCHANGE_WAIT_SLOT && !slot_pool_cancel(&exchange->waiter);
    if (mail_comes) {
        exchange_enter(exchange, EXCHANGE_ORPHAN);
        exchange->client = NULL;
    } else {
        release_exchange(exchange);
    }
}

/* --- answers made here --- */

/* The client's socket is full. True: what was to be written is in memory. Where it is not, the runner is held
 * back; an answer that has no runner behind it any more cannot wait. */
static bool yield_to_client(struct exchange *exchange)
{
    bool taken = spool_take(exchange);
    if (taken && exchange->down.complete) {
        relay_end(exchange);
        worker_give(exchange->worker, &exchange->received);
        exchange->down.buffer = NULL;
        taken = receive_forget_body(exchange);
    }
    if (!taken && !exchange->slot) {
        client_close(exchange->client, true);
        return false;
    }
    client_want_write(exchange->client);
    exchange_update_deadline(exchange);
    return taken && !exchange->down.complete;
}

bool exchange_push_down(struct exchange *exchange, struct http_text head)
{
    struct client *client = exchange->client;
    if (exchange->down.kept.length > 0)
        outbox_forget(exchange);
    enum flow_write result = spool_write(exchange, head);
    if (result == FLOW_BLOCKED)
        return yield_to_client(exchange);
    if (exchange->down.complete)
        relay_end(exchange);
    if (result == FLOW_BROKEN) {
        client_close(client, true);
        return false;
    }
    if (exchange->down.complete) {
        finish(exchange);
        return false;
    }
    return true;
}

/* What has come of the request's body is dropped. When that is all of it, the connection can stay. */
static void discard_body(struct exchange *exchange)
{
    struct flow *up = &exchange->up;
    if (up->buffer && flow_scan(up, exchange->worker) < 0)
        up->complete = false;
    if (!up->complete)
        exchange->keep_alive = false;
}

static void count_response(struct exchange *exchange, int status, bool own)
{
    struct worker_counters *counters = &exchange->worker->counters;
    exchange->status = (uint16_t)status;
    counter_add(&counters->responses[status / 100], 1);
    if (own)
        counter_add(&counters->responses[0], 1);
}

static void answer(struct exchange *exchange, int status, const struct error *error)
{
    struct worker *worker = exchange->worker;
    relay_drop_slot(exchange, SLOT_BROKEN);
    discard_body(exchange);
    worker_give(worker, &exchange->received);
    exchange_enter(exchange, EXCHANGE_ANSWER);
    deadline_end_run(exchange);
    count_response(exchange, status, true);
    struct http_writer writer = outbox_writer(&worker->outbox);
    if (error) {
        access_log_error(exchange, error);
        answer_write_error(&writer, exchange, status, error);
    } else {
        answer_write_options(&writer, exchange);
    }
    http_body_clear(&exchange->down.body);
    flow_begin(&exchange->down, FLOW_PLAIN, NULL, 0);
    exchange->down.complete = true;
    exchange_push_down(exchange, outbox_written(&worker->outbox, &writer));
}

void exchange_fail(struct exchange *exchange, int status, const struct error *error)
{
    if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL ||
        exchange->state == EXCHANGE_ANSWER)
        client_close(exchange->client, true);
    else
        answer(exchange, status, error);
}

/* What a client may do about a limit, by the status that tells of it. */
static void hint_limit(struct error *error, const struct http_problem *problem,
                       const struct host_settings *settings)
{
    if (problem->status == 414)
        error_hint(error, "The limit is max_target: %u in the section `host`.", settings->max_target_bytes);
    else if (problem->status == 431)
        error_hint(error, "The limits are max_head: %u and max_headers: %u in the section `host`.",
                   settings->max_head_bytes, settings->max_headers);
    else
        error_hint(error, "%s", problem->hint);
}

static void fail_problem(struct exchange *exchange, const struct http_problem *problem)
{
    struct error error;
    error_set(&error, "gateway", problem->reason, "%s", problem->message);
    hint_limit(&error, problem, exchange->worker->shared->settings);
    exchange->keep_alive = false;
    exchange_fail(exchange, problem->status, &error);
}

static void fail_too_large(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "gateway", "body-too-large", "The request's body is larger than %llu bytes.",
              (unsigned long long)exchange->limits.max_body_bytes);
    error_hint(&error, "The limit is max_body in the section `host`.");
    exchange->keep_alive = false;
    exchange_fail(exchange, 413, &error);
}

void exchange_fail_body(struct exchange *exchange)
{
    const struct http_problem *problem = exchange->up.body.problem;
    if (!problem)
        client_close(exchange->client, true); /* out of memory */
    else if (problem->status == 413)
        fail_too_large(exchange);
    else
        fail_problem(exchange, problem);
}

/* --- from the first byte to the slot --- */

/* Prepares the body's way to the runner from its first byte, which is still there. */
static void begin_body(struct exchange *exchange, uint64_t limit_bytes)
{
    bool chunked = exchange->request.framing == HTTP_FRAMING_CHUNKED;
    http_body_clear(&exchange->up.body);
    http_body_init_head(&exchange->up.body, &exchange->request, limit_bytes);
    flow_begin(&exchange->up, chunked ? FLOW_RAW : FLOW_PLAIN, exchange->client->in,
               exchange->request.length);
    exchange->up_broken = false;
}

static void make_id(struct exchange *exchange)
{
    const struct http_header *header = http_head_find(&exchange->request, HTTP_HEADER_X_REQUEST_ID);
    if (header && request_id_is_sane(http_head_value(&exchange->request, header))) {
        exchange->id = http_head_value(&exchange->request, header);
        return;
    }
    request_id_make(exchange->made_id, worker_random(exchange->worker), worker_random(exchange->worker));
    exchange->id = http_text_make(exchange->made_id, REQUEST_ID_MADE);
}

static void fail_not_found(struct exchange *exchange)
{
    struct http_text name = exchange->target.name;
    const char *nearest[NEAREST_MAX];
    size_t count =
        route_snapshot_nearest(exchange->worker->routes, name.data, name.length, nearest, NEAREST_MAX);
    struct error error;
    error_set(&error, "gateway", "function-unknown", "There is no function named \"%.*s\".",
              (int)(name.length < 128 ? name.length : 128), name.data);
    if (count == 0)
        error_hint(&error, "Functions are registered in global-function-definition.yml.");
    else
        error_hint(&error, "Did you mean %s%s%s%s%s?", nearest[0], count > 1 ? " or " : "",
                   count > 1 ? nearest[1] : "", count > 2 ? " or " : "", count > 2 ? nearest[2] : "");
    exchange_fail(exchange, 404, &error);
}

static void fail_no_function(struct exchange *exchange, enum target_kind kind)
{
    struct error error;
    if (kind == TARGET_ROOT) {
        error_set(&error, "gateway", "no-function-named", "The path names no function.");
        error_hint(&error, "Functions are served at /<name> and /function/<name>.");
    } else {
        error_set(&error, "gateway", "path-reserved", "Paths that begin with /.berth/ belong to the host.");
        error_hint(&error, "Use another path.");
    }
    exchange_fail(exchange, 404, &error);
}

static void fail_queue_full(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "gateway", "queue-full", "Too many requests wait for this function.");
    error_hint(&error, "The limit is queue_length: %u in the section `host`. Try again later.",
               exchange->worker->shared->settings->queue_length);
    exchange_fail(exchange, 503, &error);
}

static void wait_in_queue(struct exchange *exchange)
{
    exchange_enter(exchange, EXCHANGE_WAIT_SLOT);
    bool is_large = exchange->client->in->capacity > exchange->worker->heads.capacity;
    if (is_large && !receive_rest(exchange) && slot_pool_cancel(&exchange->waiter)) {
        receive_fail_no_memory(exchange);
        return;
    }
    exchange->cold = exchange->cold || exchange->waiter.cold;
    if (exchange->waiter.cold)
        counter_add(&exchange->worker->counters.cold_waits, 1);
    exchange->run_due_ms =
        worker_now_ms(exchange->worker) + exchange->worker->shared->settings->queue_timeout_ms;
    exchange_update_deadline(exchange);
}

static void acquire_from(struct exchange *exchange, struct slot_pool *pool)
{
    struct worker *worker = exchange->worker;
    struct slot *slot;
    exchange->waiter.inbox = &worker->inbox;
    exchange->waiter.mail.deliver = on_mail;
    exchange->acquired_ns = worker_now_ns(worker);
    switch (slot_pool_acquire(pool, worker->index, worker_now_ms(worker), &exchange->waiter, &slot)) {
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

/* NULL: there is none that serves, which has been answered. */
static const struct route *find_route(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    route_table_refresh(worker->shared->table, &worker->routes);
    const struct route *route =
        route_snapshot_find(worker->routes, exchange->target.name.data, exchange->target.name.length);
    if (!route) {
        fail_not_found(exchange);
        return NULL;
    }
    if (!route->pool) {
        struct error problem;
        error_recall(route->problem, &problem);
        exchange_fail(exchange, 503, &problem);
        return NULL;
    }
    exchange->limits = route->limits;
    return route;
}

void exchange_acquire(struct exchange *exchange)
{
    const struct route *route = find_route(exchange);
    if (!route)
        return;
    begin_body(exchange, route->limits.max_body_bytes);
    if (flow_scan(&exchange->up, exchange->worker) < 0)
        exchange_fail_body(exchange);
    else if (receive_is_wanted(exchange))
        receive_begin(exchange);
    else
        acquire_from(exchange, route->pool);
}

void exchange_take_slot(struct exchange *exchange)
{
    const struct route *route = find_route(exchange);
    if (route)
        acquire_from(exchange, route->pool);
}

void exchange_request_moved(struct exchange *exchange, const char *old)
{
    struct http_head *head = &exchange->request;
    head->bytes = exchange->client->in->data;
    target_split(head, &exchange->target);
    if (exchange->id.data != exchange->made_id)
        exchange->id.data = head->bytes + (exchange->id.data - old);
}

/* A TRACE or OPTIONS request that may go no further than this gateway, or names no function at all. */
static void answer_last_hop(struct exchange *exchange)
{
    struct error error;
    if (exchange->request.method == HTTP_METHOD_OPTIONS) {
        answer(exchange, 204, NULL);
        return;
    }
    error_set(&error, "gateway", "trace-not-served",
              "Max-Forwards: 0 ends this request at the gateway, which reflects none.");
    error_hint(&error, "With a larger number, or without the header, the function answers.");
    exchange_fail(exchange, 405, &error);
}

/* The head is complete: finds out what is asked for. */
static void dispatch(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    exchange->began_ns = worker_now_ns(worker);
    exchange->keep_alive = exchange->request.keep_alive && worker->phase == WORKER_SERVING;
    exchange->counted = true;
    counter_add(&worker->counters.requests, 1);
    counter_add(&worker->counters.requests_active, 1);
    make_id(exchange);
    begin_body(exchange, HTTP_BODY_UNLIMITED); /* of a function, so far none */
    if (exchange->request.target_form == HTTP_TARGET_ASTERISK || http_hops_left(&exchange->request) == 0) {
        answer_last_hop(exchange);
        return;
    }
    enum target_kind kind = target_split(&exchange->request, &exchange->target);
    if (kind == TARGET_FUNCTION)
        exchange_acquire(exchange);
    else
        fail_no_function(exchange, kind);
}

static void refuse_head(struct exchange *exchange)
{
    exchange->began_ns = worker_now_ns(exchange->worker);
    request_id_make(exchange->made_id, worker_random(exchange->worker), worker_random(exchange->worker));
    exchange->id = http_text_make(exchange->made_id, REQUEST_ID_MADE);
    fail_problem(exchange, exchange->parser.problem);
}

static void read_head(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (!client_grow_in(client)) {
        client_close(client, true);
        return;
    }
    for (;;) {
        struct buffer *in = client->in;
        switch (http_head_parse(&exchange->parser, in->data, in->end)) {
        case HTTP_PARSE_DONE:
            dispatch(exchange);
            return;
        case HTTP_PARSE_ERROR:
            refuse_head(exchange);
            return;
        case HTTP_PARSE_MORE:
            break;
        }
        if (exchange->run_due_ms == TIMER_NEVER) {
            exchange->run_due_ms =
                worker_now_ms(client->worker) + client->worker->shared->settings->head_timeout_ms;
            exchange_update_deadline(exchange);
        }
        enum client_receive got = client_receive(client, buffer_room(in)); /* see relay_up() */
        if (got == CLIENT_ENDED) {
            client_close(client, false);
            return;
        }
        if (got == CLIENT_NOTHING) {
            client_idle_in_head(client);
            client_shrink_in(client);
            exchange->request.bytes = client->in->data;
            return;
        }
    }
}

/* The mail of a waiter: a slot or an error. */
static void on_mail(struct mail *mail, void *owner)
{
    struct worker *worker = owner;
    struct slot_waiter *waiter = (struct slot_waiter *)((char *)mail - offsetof(struct slot_waiter, mail));
    struct exchange *exchange = (struct exchange *)((char *)waiter - offsetof(struct exchange, waiter));
    struct error *error = waiter->error;
    slot_pool_unref(waiter->pool);
    if (exchange->state == EXCHANGE_ORPHAN) {
        if (waiter->slot) {
            bool watched = slot_link_attach(worker, waiter->slot) != NULL;
            slot_pool_release(waiter->slot, watched ? SLOT_REUSABLE : SLOT_BROKEN, worker_now_ms(worker), 0);
        }
        release_exchange(exchange);
    } else {
        uint64_t joined_ns = exchange->acquired_ns;
        exchange->wait_ns += worker_now_ns(worker) - joined_ns;
        if (error)
            exchange_fail(exchange, 502, error);
        else
            relay_start(exchange, waiter->slot);
    }
    free(error);
}

/* --- what happens on the client's side --- */

/* Something came after the whole request: the next one, which has to wait, or the client's end. A reset says
 * that it is gone for sure. */
static void look_at_client(struct exchange *exchange)
{
    struct client *client = exchange->client;
    char byte;
    ssize_t size = recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        client_close(client, true);
        return;
    }
    if (size == 0)
        client->closed = true;
    if (client->closed)
        exchange_update_deadline(exchange);
}

/* Takes up what had to wait for this turn of the loop. */
static void resume(struct exchange *exchange)
{
    exchange->resume_down = false;
    if (!exchange->up.complete && exchange->client->readable)
        worker_postpone(exchange->worker, exchange->client);
    relay_down(exchange);
}

void exchange_client_readable(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_READ_HEAD:
        read_head(exchange);
        break;
    case EXCHANGE_AWAIT_HEAD:
    case EXCHANGE_RELAY:
    case EXCHANGE_TUNNEL:
        if (exchange->resume_down)
            resume(exchange);
        else if (!exchange->up.complete)
            relay_up(exchange);
        else
            look_at_client(exchange);
        break;
    case EXCHANGE_RECEIVE:
        receive_more(exchange);
        break;
    case EXCHANGE_WAIT_SLOT:
    case EXCHANGE_FIND_CAUSE:
        look_at_client(exchange);
        break;
    case EXCHANGE_ANSWER:
    case EXCHANGE_ORPHAN:
        break;
    }
}

void exchange_client_writable(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL)
        relay_down(exchange);
    else
        exchange_push_down(exchange, HTTP_TEXT(""));
}

/* Requests are held while they have a slot, responses after it has been given back. */
static bool holds_request(const struct exchange *exchange)
{
    return exchange->slot != NULL;
}

struct http_text exchange_held(const struct exchange *exchange, int *ret_fd)
{
    bool request = holds_request(exchange);
    *ret_fd = request ? exchange->slot->fd : exchange->client->fd;
    return request ? exchange->up.kept : exchange->down.kept;
}

void exchange_held_sent(struct exchange *exchange, size_t size)
{
    if (holds_request(exchange))
        flow_kept_sent(&exchange->up, exchange->worker, size, &exchange->sent);
    else
        flow_kept_sent(&exchange->down, exchange->worker, size, &exchange->relayed);
}

void exchange_write_held(struct exchange *exchange)
{
    if (holds_request(exchange))
        relay_up(exchange);
    else
        relay_down(exchange);
}
