#include "gateway/deadline.h"

#include "gateway/exchange.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* --- the client's speed --- */

bool deadline_has_output(const struct exchange *exchange)
{
    return flow_has_output(&exchange->down) || backlog_has_chunks(&exchange->backlog);
}

/* True when only the client can bring the exchange forward. */
static bool waits_for_client(const struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RECEIVE)
        return true;
    if (exchange->state < EXCHANGE_AWAIT_HEAD)
        return false;
    if (deadline_has_output(exchange))
        return true;
    if (exchange->state == EXCHANGE_TUNNEL || exchange->up.complete || exchange->sending.broken)
        return false;
    bool may_wait_for_100 =
        exchange->request.expect_continue && !exchange->answering.early && exchange->up.body.received == 0;
    return !may_wait_for_100 && !flow_has_output(&exchange->up);
}

/* Bytes received from the client and written to its socket. */
static uint64_t passed(const struct exchange *exchange)
{
    return exchange->up.body.received + exchange->down.written;
}

uint64_t deadline_moved(const struct exchange *exchange)
{
    int unread = 0;
    if (exchange->down.written > 0 && ioctl(exchange->client->fd, SIOCOUTQ, &unread) < 0)
        unread = 0;
    return passed(exchange) - (uint64_t)unread;
}

void deadline_begin_window(struct exchange *exchange, uint64_t now_ms)
{
    exchange->deadline.pace.window_ms = now_ms;
    exchange->deadline.pace.moved = deadline_moved(exchange);
}

uint64_t deadline_least_rate(const struct exchange *exchange)
{
    return exchange->loop->settings->min_rate_bytes;
}

bool deadline_is_fast_enough(const struct exchange *exchange, uint64_t now_ms)
{
    uint64_t moved = deadline_moved(exchange) - exchange->deadline.pace.moved;
    return moved * 1000 >= deadline_least_rate(exchange) * (now_ms - exchange->deadline.pace.window_ms);
}

/* A slot is held for the client's sake, and a rate demanded of it. A function whose requests are not buffered
 * takes what its clients say when they say it. */
static bool has_to_hurry(const struct exchange *exchange)
{
    return exchange->hold.slot && deadline_least_rate(exchange) > 0 &&
           (exchange->limits.request_buffering || deadline_has_output(exchange));
}

static void note_wait(struct exchange *exchange, uint64_t now_ms)
{
    struct pace *pace = &exchange->deadline.pace;
    bool begins = pace->since_ms == TIMER_NEVER;
    if (begins) {
        pace->since_ms = now_ms;
        deadline_begin_window(exchange, now_ms);
    }
    if (begins || passed(exchange) != pace->passed) {
        pace->passed = passed(exchange);
        exchange->deadline.stall_ms = now_ms + exchange->loop->settings->body_timeout_ms;
    }
    if (!has_to_hurry(exchange))
        pace->look_ms = TIMER_NEVER;
    else if (pace->look_ms == TIMER_NEVER)
        pace->look_ms = now_ms + DEADLINE_LOOK_MS;
}

uint64_t deadline_waited_ms(const struct exchange *exchange, uint64_t now_ms)
{
    const struct pace *pace = &exchange->deadline.pace;
    return pace->waited_ms + (pace->since_ms == TIMER_NEVER ? 0 : now_ms - pace->since_ms);
}

static void note_no_wait(struct exchange *exchange, uint64_t now_ms)
{
    struct pace *pace = &exchange->deadline.pace;
    pace->waited_ms = deadline_waited_ms(exchange, now_ms);
    pace->since_ms = pace->look_ms = exchange->deadline.stall_ms = TIMER_NEVER;
}

/* --- the one timer --- */

void deadline_init(struct exchange *exchange)
{
    exchange->deadline.run_ms = exchange->deadline.stall_ms = exchange->deadline.leave_ms = TIMER_NEVER;
    exchange->deadline.pace.since_ms = exchange->deadline.pace.look_ms = TIMER_NEVER;
}

void deadline_start_run(struct exchange *exchange)
{
    uint64_t now_ms = loop_now_ms(exchange->loop);
    note_no_wait(exchange, now_ms);
    exchange->deadline.pace.waited_ms = 0;
    exchange->deadline.run_ms = now_ms + exchange->limits.timeout_ms;
}

void deadline_end_run(struct exchange *exchange)
{
    exchange->deadline.run_ms = exchange->deadline.pace.look_ms = TIMER_NEVER;
    exchange->deadline.streams = false;
}

/* What has gone through, in either direction. */
static uint64_t streamed(const struct exchange *exchange)
{
    return exchange->up.written + exchange->down.written + exchange->up.body.received +
           exchange->down.body.received;
}

void deadline_start_stream(struct exchange *exchange)
{
    exchange->deadline.streams = true;
    exchange->deadline.streamed = UINT64_MAX;
}

/* A stream that has said something is alive. */
static void prolong_stream(struct exchange *exchange, uint64_t now_ms)
{
    if (!exchange->deadline.streams || exchange->deadline.streamed == streamed(exchange))
        return;
    exchange->deadline.streamed = streamed(exchange);
    exchange->deadline.run_ms = now_ms + exchange->limits.stream_idle_ms;
}

static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void deadline_update(struct exchange *exchange)
{
    uint64_t now_ms = loop_now_ms(exchange->loop);
    if (waits_for_client(exchange))
        note_wait(exchange, now_ms);
    else
        note_no_wait(exchange, now_ms);
    prolong_stream(exchange, now_ms);
    if (exchange->client->closed && exchange->deadline.leave_ms == TIMER_NEVER &&
        exchange->state != EXCHANGE_READ_HEAD && exchange->state != EXCHANGE_RECEIVE &&
        exchange->state != EXCHANGE_ANSWER)
        exchange->deadline.leave_ms = now_ms + DEADLINE_LEAVE_MS;
    client_set_timer(exchange->client,
                     sooner(sooner(exchange->deadline.run_ms, exchange->deadline.stall_ms),
                            sooner(exchange->deadline.leave_ms, exchange->deadline.pace.look_ms)));
}
