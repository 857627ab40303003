#include "gateway/overdue.h"

#include "base/container_of.h"
#include "gateway/acquire.h"
#include "gateway/dispatch.h"
#include "gateway/fail.h"
#include "gateway/lost.h"
#include "gateway/response.h"

/* The speed of a client for whom a slot is held is judged over this time at least. */
#define WINDOW_MS 2000

/* And over this one when memory is short. */
#define SHORT_WINDOW_MS 1000

/* The client was waited for when the function's time ended, or for most of that time. */
static bool is_to_blame(const struct exchange *exchange, uint64_t now_ms)
{
    return exchange->deadline.pace.since_ms != TIMER_NEVER ||
           2 * deadline_waited_ms(exchange, now_ms) > exchange->limits.timeout_ms;
}

static void fail_run_timeout(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = exchange->all->hooks;
    struct error error;
    if (exchange->deadline.streams) {
        exchange_cut(exchange, ERROR_TIMEOUT);
        return;
    }
    if (is_to_blame(exchange, now_ms)) {
        error_set(&error, ERROR_CLIENT_TIMEOUT,
                  "The client sent or read too slowly for the request to end within %u ms.",
                  exchange->limits.timeout_ms);
        error_hint(&error, "The limit is the function's setting `timeout`.");
        exchange_fail(exchange, &error);
        return;
    }
    if (exchange->asking.what) {
        exchange_fail_desk(exchange, "did not answer in time");
        return;
    }
    if (exchange->hold.slot && hooks->instance_timed_out)
        hooks->instance_timed_out(hooks->context, exchange->hold.instance);
    error_set(&error, ERROR_TIMEOUT, "The function did not finish within %u ms.",
              exchange->limits.timeout_ms);
    error_hint(&error, "The limit is the function's setting `timeout`.");
    exchange_fail(exchange, &error);
}

/* The socket of a client that reads takes more at long intervals only; what it has read meanwhile counts. */
static void fail_stalled(struct exchange *exchange, uint64_t now_ms)
{
    unsigned limit_ms = exchange->loop->settings->body_timeout_ms;
    if (deadline_has_output(exchange) && deadline_moved(exchange) != exchange->deadline.pace.moved) {
        deadline_begin_window(exchange, now_ms);
        exchange->deadline.stall_ms = now_ms + limit_ms;
        deadline_update(exchange);
        return;
    }
    struct error error;
    error_set(&error, ERROR_BODY_TIMEOUT, "The client neither sent nor received anything for %u ms.",
              limit_ms);
    error_hint(&error, "The limit is body_timeout in the section `host`.");
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}

static void fail_too_slow(struct exchange *exchange)
{
    struct error error;
    backlog_note_cut(&exchange->all->backlogs, exchange->client->address);
    error_set(&error, ERROR_CLIENT_TOO_SLOW,
              "The client sent or read less than %llu bytes in a second while others needed what it held.",
              (unsigned long long)deadline_least_rate(exchange));
    error_hint(&error, "The limit is min_rate in the section `host`.");
    exchange->keep_alive = false;
    exchange_fail(exchange, &error);
}

bool overdue_give_way(struct backlog *backlog, uint64_t now_ms)
{
    struct exchange *exchange = container_of(backlog, struct exchange, backlog);
    const struct pace *pace = &exchange->deadline.pace;
    if (pace->since_ms == TIMER_NEVER || deadline_least_rate(exchange) == 0 ||
        now_ms - pace->window_ms < SHORT_WINDOW_MS)
        return false;
    if (deadline_is_fast_enough(exchange, now_ms)) {
        deadline_begin_window(exchange, now_ms);
        return false;
    }
    fail_too_slow(exchange);
    return true;
}

/* A client that reads all the time may look slow, and longer than any window: its kernel takes much, and then
 * nothing until a good part of that has been read. So nobody is cut in vain. What did not find room in memory
 * when it came may find some. */
static void look_at_pace(struct exchange *exchange, uint64_t now_ms)
{
    struct pace *pace = &exchange->deadline.pace;
    pace->look_ms = now_ms + DEADLINE_LOOK_MS;
    if (now_ms - pace->window_ms >= WINDOW_MS) {
        if (deadline_is_fast_enough(exchange, now_ms)) {
            deadline_begin_window(exchange, now_ms);
        } else if (slot_is_wanted(exchange->hold.slot)) {
            fail_too_slow(exchange);
            return;
        }
    }
    if (exchange->state == EXCHANGE_RELAY)
        response_relay(exchange);
    else
        deadline_update(exchange);
}

/* A client that has shut down its side may still read. It does when it has taken something lately; and while
 * something waits to be taken, a connection that is gone breaks, and one that stands still has a deadline of
 * its own. */
static void look_whether_left(struct exchange *exchange, uint64_t now_ms)
{
    bool reads = exchange->down.written != exchange->deadline.leave_relayed || deadline_has_output(exchange);
    if (exchange->state != EXCHANGE_RELAY || !reads) {
        client_close(exchange->client, true);
        return;
    }
    exchange->deadline.leave_relayed = exchange->down.written;
    exchange->deadline.leave_ms = now_ms + DEADLINE_LEAVE_MS;
    deadline_update(exchange);
}

void overdue(struct exchange *exchange, uint64_t now_ms)
{
    if (exchange->deadline.leave_ms <= now_ms)
        look_whether_left(exchange, now_ms);
    else if (exchange->state == EXCHANGE_READ_HEAD)
        dispatch_give_up(exchange);
    else if (exchange->state == EXCHANGE_WAIT_SLOT)
        acquire_give_up(exchange);
    else if (exchange->state == EXCHANGE_FIND_CAUSE)
        lost_look(exchange, now_ms);
    else if (exchange->state == EXCHANGE_UNREACHED)
        lost_reach_again(exchange, now_ms);
    else if (exchange->deadline.stall_ms <= now_ms)
        fail_stalled(exchange, now_ms);
    else if (exchange->deadline.run_ms <= now_ms)
        fail_run_timeout(exchange, now_ms);
    else if (exchange->deadline.pace.look_ms <= now_ms)
        look_at_pace(exchange, now_ms);
}
