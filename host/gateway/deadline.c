#include "gateway/deadline.h"

#include "gateway/exchange.h"
#include "gateway/lost.h"
#include "gateway/relay.h"
#include "gateway/worker.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* A client that has shut down its side may have left or may still read. It gets an answer that comes within
 * this time; then the work is cancelled. */
#define LEAVE_GRACE_MS 1000

/* The speed of a client for whom a slot is held is judged over this time at least. */
#define WINDOW_MS 2000

/* And over this one when memory is short. */
#define SHORT_WINDOW_MS 1000

/* Between two looks at a client for whom a slot is held. */
#define LOOK_MS 500

/* --- the client's speed --- */

/* True when something waits to be read by the client. */
static bool has_output(const struct exchange *exchange)
{
    return flow_has_output(&exchange->down) || backlog_has_chunks(exchange);
}

/* True when only the client can bring the exchange forward. */
static bool waits_for_client(const struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RECEIVE)
        return true;
    if (exchange->state < EXCHANGE_AWAIT_HEAD)
        return false;
    if (has_output(exchange))
        return true;
    if (exchange->state == EXCHANGE_TUNNEL || exchange->up.complete || exchange->up_broken)
        return false;
    bool may_wait_for_100 =
        exchange->request.expect_continue && !exchange->answered_early && exchange->up.body.received == 0;
    return !may_wait_for_100 && !flow_has_output(&exchange->up);
}

/* Bytes received from the client and written to its socket. */
static uint64_t passed(const struct exchange *exchange)
{
    return exchange->up.body.received + exchange->relayed;
}

/* The same less what is still in the socket, which can be much, and is not reported as writable for long. */
static uint64_t moved_by_client(const struct exchange *exchange)
{
    int unread = 0;
    if (exchange->relayed > 0 && ioctl(exchange->client->fd, SIOCOUTQ, &unread) < 0)
        unread = 0;
    return passed(exchange) - (uint64_t)unread;
}

static void begin_window(struct exchange *exchange, uint64_t now_ms)
{
    exchange->pace.window_ms = now_ms;
    exchange->pace.moved = moved_by_client(exchange);
}

static uint64_t least_rate(const struct exchange *exchange)
{
    return exchange->worker->shared->settings->min_rate_bytes;
}

static bool is_fast_enough(const struct exchange *exchange, uint64_t now_ms)
{
    uint64_t moved = moved_by_client(exchange) - exchange->pace.moved;
    return moved * 1000 >= least_rate(exchange) * (now_ms - exchange->pace.window_ms);
}

/* A slot is held for the client's sake, and a rate demanded of it. A function whose requests are not buffered
 * takes what its clients say when they say it. */
static bool has_to_hurry(const struct exchange *exchange)
{
    return exchange->slot && least_rate(exchange) > 0 &&
           (exchange->limits.request_buffering || has_output(exchange));
}

static void note_wait(struct exchange *exchange, uint64_t now_ms)
{
    struct pace *pace = &exchange->pace;
    bool begins = pace->since_ms == TIMER_NEVER;
    if (begins) {
        pace->since_ms = now_ms;
        begin_window(exchange, now_ms);
    }
    if (begins || passed(exchange) != pace->passed) {
        pace->passed = passed(exchange);
        exchange->stall_due_ms = now_ms + exchange->worker->shared->settings->body_timeout_ms;
    }
    if (!has_to_hurry(exchange))
        pace->look_ms = TIMER_NEVER;
    else if (pace->look_ms == TIMER_NEVER)
        pace->look_ms = now_ms + LOOK_MS;
}

/* The part of the function's time that the client was waited for. */
static uint64_t waited_ms(const struct exchange *exchange, uint64_t now_ms)
{
    const struct pace *pace = &exchange->pace;
    return pace->waited_ms + (pace->since_ms == TIMER_NEVER ? 0 : now_ms - pace->since_ms);
}

static void note_no_wait(struct exchange *exchange, uint64_t now_ms)
{
    struct pace *pace = &exchange->pace;
    pace->waited_ms = waited_ms(exchange, now_ms);
    pace->since_ms = pace->look_ms = exchange->stall_due_ms = TIMER_NEVER;
}

/* --- the one timer --- */

void deadline_init(struct exchange *exchange)
{
    exchange->run_due_ms = exchange->stall_due_ms = exchange->leave_due_ms = TIMER_NEVER;
    exchange->pace.since_ms = exchange->pace.look_ms = TIMER_NEVER;
}

void deadline_start_run(struct exchange *exchange)
{
    uint64_t now_ms = worker_now_ms(exchange->worker);
    note_no_wait(exchange, now_ms);
    exchange->pace.waited_ms = 0;
    exchange->run_due_ms = now_ms + exchange->limits.timeout_ms;
}

void deadline_end_run(struct exchange *exchange)
{
    exchange->run_due_ms = exchange->pace.look_ms = TIMER_NEVER;
    exchange->streams = false;
}

/* What has gone through, in either direction. */
static uint64_t streamed(const struct exchange *exchange)
{
    return exchange->sent + exchange->relayed + exchange->up.body.received + exchange->down.body.received;
}

void deadline_start_stream(struct exchange *exchange)
{
    exchange->streams = true;
    exchange->streamed = UINT64_MAX;
}

/* A stream that has said something is alive. */
static void prolong_stream(struct exchange *exchange, uint64_t now_ms)
{
    if (!exchange->streams || exchange->streamed == streamed(exchange))
        return;
    exchange->streamed = streamed(exchange);
    exchange->run_due_ms = now_ms + exchange->limits.stream_idle_ms;
}

static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void exchange_update_deadline(struct exchange *exchange)
{
    uint64_t now_ms = worker_now_ms(exchange->worker);
    if (waits_for_client(exchange))
        note_wait(exchange, now_ms);
    else
        note_no_wait(exchange, now_ms);
    prolong_stream(exchange, now_ms);
    if (exchange->client->closed && exchange->leave_due_ms == TIMER_NEVER &&
        exchange->state != EXCHANGE_READ_HEAD && exchange->state != EXCHANGE_RECEIVE &&
        exchange->state != EXCHANGE_ANSWER)
        exchange->leave_due_ms = now_ms + LEAVE_GRACE_MS;
    client_set_timer(exchange->client, sooner(sooner(exchange->run_due_ms, exchange->stall_due_ms),
                                              sooner(exchange->leave_due_ms, exchange->pace.look_ms)));
}

/* --- what happens then --- */

static void fail_head_timeout(struct exchange *exchange)
{
    struct error error;
    error_set(&error, "gateway", "head-timeout", "The request's head did not arrive in time.");
    error_hint(&error, "The limit is head_timeout: %u ms in the section `host`.",
               exchange->worker->shared->settings->head_timeout_ms);
    request_id_make(exchange->made_id, worker_random(exchange->worker), worker_random(exchange->worker));
    exchange->id = http_text_make(exchange->made_id, REQUEST_ID_MADE);
    exchange->keep_alive = false;
    exchange_fail(exchange, 408, &error);
}

/* Why a request waited in vain: `trouble` that keeps instances from starting, or NULL. */
static void describe_queue_timeout(const struct exchange *exchange, const struct error *trouble,
                                   struct error *error)
{
    unsigned limit_ms = exchange->worker->shared->settings->queue_timeout_ms;
    if (trouble) {
        error_set(error, trouble->component, trouble->reason, "The request waited %u ms for the function: %s",
                  limit_ms, trouble->message);
        error_hint(error, "%s", trouble->hint);
        return;
    }
    error_set(error, "gateway", "queue-timeout", "The request waited %u ms for a free slot of the function.",
              limit_ms);
    if (exchange->waiter.limit)
        error_hint(error,
                   "No further instance could be started: the limit is %s. How long a request waits is "
                   "queue_timeout in the section `host`. Try again later.",
                   exchange->waiter.limit);
    else
        error_hint(error, "The limit is queue_timeout in the section `host`. Try again later.");
}

static void fail_queue_timeout(struct exchange *exchange)
{
    struct error trouble, error;
    bool known = slot_pool_trouble(&exchange->waiter, &trouble);
    if (!slot_pool_cancel(&exchange->waiter))
        return; /* just in time: the mail is on its way */
    exchange->wait_ns += worker_now_ns(exchange->worker) - exchange->acquired_ns;
    describe_queue_timeout(exchange, known ? &trouble : NULL, &error);
    exchange_fail(exchange, 503, &error);
}

/* The client was waited for when the function's time ended, or for most of that time. */
static bool is_to_blame(const struct exchange *exchange, uint64_t now_ms)
{
    return exchange->pace.since_ms != TIMER_NEVER ||
           2 * waited_ms(exchange, now_ms) > exchange->limits.timeout_ms;
}

static void fail_run_timeout(struct exchange *exchange, uint64_t now_ms)
{
    const struct gateway_hooks *hooks = &exchange->worker->shared->hooks;
    struct error error;
    if (exchange->streams) {
        client_close(exchange->client, true);
        return;
    }
    if (is_to_blame(exchange, now_ms)) {
        error_set(&error, "gateway", "client-timeout",
                  "The client sent or read too slowly for the request to end within %u ms.",
                  exchange->limits.timeout_ms);
        error_hint(&error, "The limit is the function's setting `timeout`.");
        exchange_fail(exchange, 408, &error);
        return;
    }
    if (exchange->slot && hooks->instance_timed_out)
        hooks->instance_timed_out(hooks->context, exchange->instance);
    error_set(&error, "function", "timeout", "The function did not finish within %u ms.",
              exchange->limits.timeout_ms);
    error_hint(&error, "The limit is the function's setting `timeout`.");
    exchange_fail(exchange, 504, &error);
}

/* The socket of a client that reads takes more at long intervals only; what it has read meanwhile counts. */
static void fail_stalled(struct exchange *exchange, uint64_t now_ms)
{
    unsigned limit_ms = exchange->worker->shared->settings->body_timeout_ms;
    if (has_output(exchange) && moved_by_client(exchange) != exchange->pace.moved) {
        begin_window(exchange, now_ms);
        exchange->stall_due_ms = now_ms + limit_ms;
        exchange_update_deadline(exchange);
        return;
    }
    struct error error;
    error_set(&error, "gateway", "body-timeout", "The client neither sent nor received anything for %u ms.",
              limit_ms);
    error_hint(&error, "The limit is body_timeout in the section `host`.");
    exchange->keep_alive = false;
    exchange_fail(exchange, 408, &error);
}

static void fail_too_slow(struct exchange *exchange)
{
    struct error error;
    backlog_note_cut(exchange);
    error_set(&error, "gateway", "client-too-slow",
              "The client sent or read less than %llu bytes in a second while others needed what it held.",
              (unsigned long long)least_rate(exchange));
    error_hint(&error, "The limit is min_rate in the section `host`.");
    exchange->keep_alive = false;
    exchange_fail(exchange, 408, &error);
}

bool deadline_gives_way(struct exchange *exchange, uint64_t now_ms)
{
    const struct pace *pace = &exchange->pace;
    if (pace->since_ms == TIMER_NEVER || least_rate(exchange) == 0 ||
        now_ms - pace->window_ms < SHORT_WINDOW_MS)
        return false;
    if (is_fast_enough(exchange, now_ms)) {
        begin_window(exchange, now_ms);
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
    struct pace *pace = &exchange->pace;
    pace->look_ms = now_ms + LOOK_MS;
    if (now_ms - pace->window_ms >= WINDOW_MS) {
        if (is_fast_enough(exchange, now_ms)) {
            begin_window(exchange, now_ms);
        } else if (slot_is_wanted(exchange->slot)) {
            fail_too_slow(exchange);
            return;
        }
    }
    if (exchange->state == EXCHANGE_RELAY)
        relay_down(exchange);
    else
        exchange_update_deadline(exchange);
}

/* A client that has shut down its side may still read. It does when it has taken something lately; and while
 * something waits to be taken, a connection that is gone breaks, and one that stands still has a deadline of
 * its own. */
static void look_whether_left(struct exchange *exchange, uint64_t now_ms)
{
    bool reads = exchange->relayed != exchange->leave_relayed || has_output(exchange);
    if (exchange->state != EXCHANGE_RELAY || !reads) {
        client_close(exchange->client, true);
        return;
    }
    exchange->leave_relayed = exchange->relayed;
    exchange->leave_due_ms = now_ms + LEAVE_GRACE_MS;
    exchange_update_deadline(exchange);
}

void exchange_client_deadline(struct exchange *exchange, uint64_t now_ms)
{
    if (exchange->leave_due_ms <= now_ms)
        look_whether_left(exchange, now_ms);
    else if (exchange->state == EXCHANGE_READ_HEAD)
        fail_head_timeout(exchange);
    else if (exchange->state == EXCHANGE_WAIT_SLOT)
        fail_queue_timeout(exchange);
    else if (exchange->state == EXCHANGE_FIND_CAUSE)
        lost_look(exchange, now_ms);
    else if (exchange->stall_due_ms <= now_ms)
        fail_stalled(exchange, now_ms);
    else if (exchange->run_due_ms <= now_ms)
        fail_run_timeout(exchange, now_ms);
    else if (exchange->pace.look_ms <= now_ms)
        look_at_pace(exchange, now_ms);
}
