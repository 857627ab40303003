#include "gateway/fail.h"

#include "gateway/answer.h"
#include "gateway/deliver.h"
#include "http/problem.h"

/* What has come of the request's body is dropped. When that is all of it, the connection can stay. */
static void discard_body(struct exchange *exchange)
{
    struct flow *up = &exchange->up;
    if (up->buffer && exchange_scan_body(exchange) < 0)
        up->complete = false;
    if (!up->complete)
        exchange->keep_alive = false;
}

static void note(struct exchange *exchange, const struct error *error)
{
    exchange->ending.code = error->code;
    error_replace(&exchange->ending.problem, error);
}

/* `error`: NULL when it is none. */
static void answer(struct exchange *exchange, int status, const struct error *error)
{
    struct loop *loop = exchange->loop;
    exchange_drop_slot(exchange, SLOT_BROKEN);
    discard_body(exchange);
    loop_give(loop, &exchange->received);
    exchange_enter(exchange, EXCHANGE_ANSWER);
    deadline_end_run(exchange);
    exchange->status = (uint16_t)status;
    exchange->ending.is_own = true;
    struct http_writer writer = outbox_writer(&loop->outbox);
    if (error)
        answer_write_error(&writer, exchange, status, error);
    else
        answer_write_options(&writer, exchange);
    http_body_clear(&exchange->down.body);
    flow_begin(&exchange->down, FLOW_PLAIN, NULL, 0);
    exchange->down.complete = true;
    deliver(exchange, outbox_written(&loop->outbox, &writer));
}

void exchange_answer_options(struct exchange *exchange)
{
    answer(exchange, 204, NULL);
}

static void fail(struct exchange *exchange, int status, const struct error *error)
{
    note(exchange, error);
    if (exchange->state == EXCHANGE_RELAY || exchange->state == EXCHANGE_TUNNEL ||
        exchange->state == EXCHANGE_ANSWER)
        exchange_cut(exchange, error->code);
    else
        answer(exchange, status, error);
}

void exchange_fail(struct exchange *exchange, const struct error *error)
{
    fail(exchange, error_code_status(error->code), error);
}

void exchange_fail_instance(struct exchange *exchange, const struct error *cause)
{
    fail(exchange, 502, cause);
}

void exchange_fail_desk(struct exchange *exchange, const char *how)
{
    struct error error;
    error_set(&error, ERROR_CALLS_UNAVAILABLE, "What keeps the calls that are done later %s.", how);
    error_hint(&error, "Try again later; the log of the daemon may show why.");
    exchange_fail(exchange, &error);
}

/* What a client may do about it. */
static void hint_problem(struct error *error, const struct host_settings *settings)
{
    if (error->code == ERROR_TARGET_TOO_LONG)
        error_hint(error, "The limit is max_target: %u in the section `host`.", settings->max_target_bytes);
    else if (error_code_class(error->code) == ERROR_CLASS_LIMIT)
        error_hint(error, "The limits are max_head: %u and max_headers: %u in the section `host`.",
                   settings->max_head_bytes, settings->max_headers);
    else
        error_hint(error, "%s", http_problem(error->code)->hint);
}

void exchange_fail_problem(struct exchange *exchange, enum error_code code)
{
    struct error error;
    error_set(&error, code, "%s", http_problem(code)->message);
    hint_problem(&error, exchange->loop->settings);
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}

static void fail_too_large(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_BODY_TOO_LARGE, "The request's body is larger than %llu bytes.",
              (unsigned long long)exchange->limits.max_body_bytes);
    error_hint(&error, "The limit is max_body %s.", route_limit_place(exchange->limits.own_max_body));
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}

void exchange_fail_body(struct exchange *exchange)
{
    enum error_code code = exchange->up.body.code;
    if (code == ERROR_NONE)
        exchange_cut(exchange, ERROR_GATEWAY_OUT_OF_MEMORY);
    else if (code == ERROR_BODY_TOO_LARGE)
        fail_too_large(exchange);
    else
        exchange_fail_problem(exchange, code);
}

void exchange_fail_no_memory(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_BUFFER_MEMORY, "There is no memory left to receive this request's body.");
    error_hint(&error, "The limit is buffer_memory in the section `host`. Try again later.");
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}
