#include "cli/load/load_run.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/load/load_view.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define NS_PER_S        UINT64_C(1000000000)
#define NS_PER_MS       UINT64_C(1000000)

TAILQ_HEAD(connection_list, load_connection);

struct load_run {
    const struct load_plan *plan;
    struct load_run_result *result;
    struct event_base *base;
    struct load_wire wire;
    struct load_connection *connections;
    /* Where each of them is: free, the one used last first; under a request, the one that began first first;
     * or just failed, until the next tick. */
    struct connection_list idle, busy, failed;
    unsigned in_flight;
    uint64_t began_ns, ends_ns;
    uint64_t started; /* requests */
    uint64_t ticks;
    bool is_starting; /* inside of start_due() */
    bool is_ending; /* no request begins any more */
    struct event *due, *tick, *end, *signals[3];
    struct load_watch *watch;
    struct load_view view;
};

static void arm(struct event *timer, uint64_t wait_ns)
{
    const struct timeval wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                                 .tv_usec = (suseconds_t)(wait_ns % NS_PER_S / 1000)};
    event_add(timer, &wait);
}

/* --- requests --- */

/* When the next request should begin. */
static uint64_t next_due_ns(const struct load_run *run, uint64_t now_ns)
{
    if (run->plan->rate <= 0)
        return now_ns;
    return run->began_ns + (uint64_t)((double)run->started * 1e9 / run->plan->rate);
}

/* Requests that should have begun by a time, and have not. */
static uint64_t overdue_at(const struct load_run *run, uint64_t now_ns)
{
    const uint64_t until_ns = now_ns < run->ends_ns ? now_ns : run->ends_ns;
    const uint64_t wanted = (uint64_t)((double)(until_ns - run->began_ns) * run->plan->rate / 1e9);
    return wanted > run->started ? wanted - run->started : 0;
}

static void start(struct load_run *run, struct load_connection *connection, uint64_t due_ns, uint64_t now_ns)
{
    TAILQ_REMOVE(&run->idle, connection, link);
    TAILQ_INSERT_TAIL(&run->busy, connection, link);
    run->in_flight++;
    run->started++;
    connection->due_ns = due_ns;
    connection->begun_ns = now_ns;
    load_connection_begin(connection);
}

/* Starts what is due, as far as there are free connections, and sees to it that it goes on. A request that
 * fails at once comes back here from inside: the loop has it then. */
static void start_due(struct load_run *run)
{
    struct load_connection *connection;
    if (run->is_starting)
        return;
    run->is_starting = true;
    while (!run->is_ending && (connection = TAILQ_FIRST(&run->idle))) {
        const uint64_t now_ns = clock_ns(), due_ns = next_due_ns(run, now_ns);
        if (due_ns >= run->ends_ns)
            break;
        if (due_ns > now_ns) {
            arm(run->due, due_ns - now_ns);
            break;
        }
        start(run, connection, due_ns, now_ns);
    }
    run->is_starting = false;
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    start_due(context);
}

static void finish_when_done(struct load_run *run)
{
    if (run->is_ending && run->in_flight == 0)
        event_base_loopbreak(run->base);
}

/* What refuses connections is not asked again at once. */
static void on_request_end(struct load_connection *connection, const struct load_result *result,
                           void *context)
{
    struct load_run *run = context;
    const uint64_t now_ns = clock_ns();
    TAILQ_REMOVE(&run->busy, connection, link);
    run->in_flight--;
    if (result->end == LOAD_CONNECT)
        TAILQ_INSERT_TAIL(&run->failed, connection, link);
    else
        TAILQ_INSERT_HEAD(&run->idle, connection, link);
    load_tally_add(&run->result->tally, result, now_ns - connection->due_ns);
    run->result->elapsed_ns = now_ns - run->began_ns;
    start_due(run);
    finish_when_done(run);
}

/* --- time --- */

static void expire_overdue(struct load_run *run, uint64_t now_ns)
{
    struct load_connection *connection;
    while ((connection = TAILQ_FIRST(&run->busy)) &&
           now_ns - connection->begun_ns > run->plan->timeout_ms * NS_PER_MS)
        load_connection_expire(connection);
}

static void forgive_failed(struct load_run *run)
{
    TAILQ_CONCAT(&run->idle, &run->failed, link);
    start_due(run);
}

static void show(struct load_run *run, uint64_t now_ns)
{
    struct load_tally *tally = &run->result->tally;
    const bool is_second = ++run->ticks % LOAD_SECOND_TICKS == 0;
    const struct load_progress progress = {.plan = run->plan,
                                           .tally = tally,
                                           .function = load_watch_now(run->watch),
                                           .elapsed_ms = (now_ns - run->began_ns) / NS_PER_MS,
                                           .in_flight = run->in_flight,
                                           .overdue = overdue_at(run, now_ns),
                                           .is_ending = run->is_ending};
    load_view_tick(&run->view, &progress, is_second);
    if (is_second)
        memset(&tally->second, 0, sizeof(tally->second));
    if (is_second || run->ticks < LOAD_SECOND_TICKS) /* at first instances come quickly */
        load_watch_ask(run->watch);
}

/* Each tick has its place on the clock, so that one that comes late moves no other. */
static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct load_run *run = context;
    const uint64_t now_ns = clock_ns();
    expire_overdue(run, now_ns);
    forgive_failed(run);
    show(run, now_ns);
    const uint64_t next_ns = run->began_ns + (run->ticks + 1) * LOAD_TICK_MS * NS_PER_MS;
    arm(run->tick, next_ns > now_ns ? next_ns - now_ns : 0);
}

/* No request begins any more, but those that were due before and have a free connection. */
static void end_starts(struct load_run *run)
{
    const uint64_t now_ns = clock_ns();
    if (now_ns < run->ends_ns)
        run->ends_ns = now_ns;
    start_due(run);
    run->result->unstarted = overdue_at(run, now_ns);
    run->is_ending = true;
    finish_when_done(run);
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    end_starts(context);
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct load_run *run = context;
    run->result->was_interrupted = true;
    if (!run->is_ending) {
        end_starts(run);
        return;
    }
    run->result->abandoned = run->in_flight;
    event_base_loopbreak(run->base);
}

/* --- life --- */

static int make_loop(struct load_run *run, struct error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    run->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!run->base)
        return error_set(err, ERROR_IO, "cannot make an event loop");
    run->due = evtimer_new(run->base, on_due, run);
    run->tick = evtimer_new(run->base, on_tick, run);
    run->end = evtimer_new(run->base, on_end, run);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        run->signals[i] = evsignal_new(run->base, numbers[i], on_signal, run);
        event_add(run->signals[i], NULL);
    }
    return 0;
}

static void make_connections(struct load_run *run)
{
    TAILQ_INIT(&run->idle);
    TAILQ_INIT(&run->busy);
    TAILQ_INIT(&run->failed);
    run->wire.base = run->base;
    run->wire.plan = run->plan;
    run->wire.on_end = on_request_end;
    run->wire.context = run;
    run->connections = xcalloc(run->plan->connections, sizeof(*run->connections));
    for (unsigned i = 0; i < run->plan->connections; i++) {
        load_connection_init(&run->connections[i], &run->wire);
        TAILQ_INSERT_TAIL(&run->idle, &run->connections[i], link);
    }
}

/* The kernel may let timers be late by a sixth of what a warm request takes, unless it is asked not to. */
static void run_loop(struct load_run *run)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    run->began_ns = clock_ns();
    run->ends_ns = run->began_ns + run->plan->duration_ms * NS_PER_MS;
    arm(run->end, run->plan->duration_ms * NS_PER_MS);
    arm(run->tick, LOAD_TICK_MS * NS_PER_MS);
    load_watch_ask(run->watch);
    start_due(run);
    event_base_dispatch(run->base);
    load_view_end(&run->view, run->plan);
    run->result->most_instances = load_watch_most(run->watch);
}

static void clear(struct load_run *run)
{
    struct event *const events[] = {run->due,        run->tick,       run->end,
                                    run->signals[0], run->signals[1], run->signals[2]};
    load_watch_destroy(run->watch);
    for (unsigned i = 0; run->connections && i < run->plan->connections; i++)
        load_connection_clear(&run->connections[i]);
    free(run->connections);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (events[i])
            event_free(events[i]);
    }
    if (run->base)
        event_base_free(run->base);
    load_view_clear(&run->view);
}

int load_run(const struct load_plan *plan, const struct arguments *arguments, bool is_quiet,
             struct load_run_result **ret_result, struct error *err)
{
    struct load_run *run = xcalloc(1, sizeof(*run));
    run->plan = plan;
    run->result = xcalloc(1, sizeof(*run->result));
    load_view_init(&run->view, is_quiet);
    int rc = make_loop(run, err);
    if (rc == 0)
        rc = load_watch_create(run->base, arguments, plan->function, &run->watch, err);
    if (rc == 0) {
        make_connections(run);
        run_loop(run);
        *ret_result = steal(&run->result);
    }
    clear(run);
    free(run->result);
    free(run);
    return rc;
}
