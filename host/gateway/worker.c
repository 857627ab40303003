#include "gateway/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "gateway/client.h"
#include "gateway/exchange.h"
#include "gateway/slot_link.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Kept for reuse at most. */
#define PARTS_KEPT     256
#define HEADS_KEPT     256
#define BODIES_KEPT    64
#define CLIENTS_KEPT   1024
#define EXCHANGES_KEPT 256

/* What has been kept so long without being needed is freed, and so much of it goes back to the system. */
#define TRIM_MS           10000
#define TRIM_BYTES        (1024 * 1024)

#define PART_BUFFER       1000 /* 1 KiB of the heap with its header */
#define BODY_BUFFER       65536
#define RESPONSE_HEAD_MAX 32768

/* What the gateway adds to a head at most, the client's X-Forwarded-* included in the head's own size. */
#define ADDED_MAX 4096

static void on_mail(evutil_socket_t fd, short what, void *context);
static void on_tick(evutil_socket_t fd, short what, void *context);

/* --- time --- */

uint64_t worker_now_ns(struct worker *worker)
{
    if (worker->now_ns == 0)
        worker->now_ns = clock_ns();
    return worker->now_ns;
}

static void arm_tick(struct worker *worker, uint64_t at_ms)
{
    uint64_t now_ms = worker_now_ms(worker);
    uint64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                           .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    worker->tick_at_ms = at_ms;
    event_add(&worker->tick, &wait);
}

void worker_set_timer(struct worker *worker, struct timer *timer, uint64_t due_ms)
{
    if (due_ms == TIMER_NEVER) {
        timer_stop(timer);
        return;
    }
    timer_set(&worker->wheel, timer, due_ms);
    if (due_ms < worker->tick_at_ms)
        arm_tick(worker, due_ms);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    worker->tick_at_ms = 0; /* whatever is set meanwhile need not arm */
    timer_wheel_advance(&worker->wheel, worker_now_ms(worker));
    worker->tick_at_ms = TIMER_NEVER;
    uint64_t next_ms = timer_wheel_next_ms(&worker->wheel);
    if (next_ms != TIMER_NEVER)
        arm_tick(worker, next_ms);
}

const char *worker_date(struct worker *worker)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != worker->date_second) {
        worker->date_second = now.tv_sec;
        http_date_format(worker->date, now.tv_sec);
    }
    return worker->date;
}

/* splitmix64: request ids must differ, not be secret. */
uint64_t worker_random(struct worker *worker)
{
    uint64_t z = worker->random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void trim(struct timer *timer, uint64_t now_ms)
{
    struct worker *worker = (struct worker *)((char *)timer - offsetof(struct worker, trim));
    struct freelist *const lists[] = {&worker->parts.list, &worker->heads.list, &worker->bodies.list,
                                      &worker->spare_clients, &worker->spare_exchanges};
    size_t freed = 0;
    bool keeps_some = false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        freed += freelist_trim(lists[i]);
        keeps_some = keeps_some || lists[i]->kept > 0;
    }
    freed += worker->freed_bytes;
    worker->freed_bytes = 0;
    if (freed >= TRIM_BYTES)
        malloc_trim(0);
    if (keeps_some)
        worker_set_timer(worker, timer, now_ms + TRIM_MS);
}

static void want_trim(struct worker *worker)
{
    if (worker->trim.due_ms == TIMER_NEVER)
        worker_set_timer(worker, &worker->trim, worker_now_ms(worker) + TRIM_MS);
}

void worker_freed(struct worker *worker, size_t bytes)
{
    worker->freed_bytes += bytes;
    want_trim(worker);
}

/* NULL: buffers of that capacity are not kept. The capacities of the pools differ, see init_limits(). */
static struct buffer_pool *pool_of(struct worker *worker, uint32_t capacity)
{
    if (capacity == worker->bodies.capacity)
        return &worker->bodies;
    if (capacity == worker->heads.capacity)
        return &worker->heads;
    return capacity == worker->parts.capacity ? &worker->parts : NULL;
}

struct buffer *worker_take(struct worker *worker, uint32_t capacity)
{
    struct buffer_pool *pool = pool_of(worker, capacity);
    return pool ? buffer_take(pool) : buffer_make(capacity);
}

void worker_give(struct worker *worker, struct buffer **held)
{
    if (!*held)
        return;
    want_trim(worker);
    struct buffer_pool *pool = pool_of(worker, (*held)->capacity);
    if (pool) {
        buffer_give(pool, held);
        return;
    }
    worker_freed(worker, (*held)->capacity);
    free(*held);
    *held = NULL;
}

static void note_drained(struct worker *worker)
{
    struct worker_shared *shared = worker->shared;
    if (worker->phase != WORKER_DRAINING || worker->client_count > 0)
        return;
    worker->phase = WORKER_DRAINED;
    if (atomic_fetch_sub_explicit(&shared->draining, 1, memory_order_acq_rel) == 1 && shared->hooks.drained)
        shared->hooks.drained(shared->hooks.context);
}

void worker_client_gone(struct worker *worker)
{
    atomic_fetch_sub_explicit(&worker->shared->connections, 1, memory_order_relaxed);
    accept_client_gone(worker);
    note_drained(worker);
}

/* --- the loop --- */

void worker_postpone(struct worker *worker, struct client *client)
{
    if (client->is_ready)
        return;
    client->is_ready = true;
    worker->ready_count++;
    client->next_ready = NULL;
    *worker->last_ready = client;
    worker->last_ready = &client->next_ready;
}

/* Looks at the clients that were postponed until now; those postponed meanwhile are for the next turn. */
static void run_ready(struct worker *worker)
{
    for (unsigned turns = worker->ready_count; turns > 0 && worker->ready; turns--) {
        struct client *client = worker->ready;
        worker_unpostpone(worker, client);
        client_proceed(client);
    }
}

void worker_unpostpone(struct worker *worker, struct client *client)
{
    if (!client->is_ready)
        return;
    struct client **link = &worker->ready;
    while (*link != client)
        link = &(*link)->next_ready;
    *link = client->next_ready;
    if (worker->last_ready == &client->next_ready)
        worker->last_ready = link;
    client->is_ready = false;
    worker->ready_count--;
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    mailbox_deliver(&worker->inbox, worker);
}

static void *run(void *context)
{
    struct worker *worker = context;
    char name[16];
    snprintf(name, sizeof(name), "worker-%d", worker->index);
    pthread_setname_np(pthread_self(), name);
    while (worker->phase != WORKER_STOPPED) {
        worker->now_ns = 0;
        if (event_base_loop(worker->base, EVLOOP_ONCE | (worker->ready ? EVLOOP_NONBLOCK : 0)) < 0) {
            log_error("gateway.loop-failed", LOG_INT("worker", worker->index));
            break;
        }
        run_ready(worker);
        outbox_flush(&worker->outbox);
    }
    return NULL;
}

static void on_drain(struct mail *mail, void *owner)
{
    (void)mail;
    struct worker *worker = owner;
    if (worker->phase != WORKER_SERVING)
        return;
    accept_ready(worker->listen_fd, EV_READ, worker); /* who is in the backlog is still served */
    worker->phase = WORKER_DRAINING;
    accept_stop(worker);
    for (struct client *client = worker->clients, *next; client; client = next) {
        next = client->next;
        if (!client->exchange && !client->lingering && !client->is_ready)
            client_close(client, false);
    }
    note_drained(worker);
}

static void on_stop(struct mail *mail, void *owner)
{
    (void)mail;
    struct worker *worker = owner;
    worker->phase = WORKER_STOPPED;
    event_base_loopbreak(worker->base);
}

void worker_drain(struct worker *worker)
{
    worker->drain_mail.deliver = on_drain;
    mailbox_post(&worker->inbox, &worker->drain_mail);
}

/* --- life --- */

static struct event_base *make_base(struct error *err)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!base)
        error_set(err, "gateway", "event-loop", "cannot make an event loop");
    return base;
}

static void init_outbox(struct worker *worker)
{
    int code = outbox_init(&worker->outbox, worker->bodies.capacity);
    if (code < 0)
        log_info("gateway.no-io-uring", LOG_INT("worker", worker->index), LOG_STR("error", strerror(-code)),
                 LOG_STR("hint", "Each message costs a system call of its own. See docs/operations.md."));
}

static void init_limits(struct worker *worker, const struct host_settings *settings)
{
    worker->request_headers = settings->max_headers;
    worker->request_limits = (struct http_limits){.head_bytes = settings->max_head_bytes,
                                                  .target_bytes = settings->max_target_bytes};
    worker->response_limits = (struct http_limits){.head_bytes = RESPONSE_HEAD_MAX};
    buffer_pool_init(&worker->parts, PART_BUFFER, PARTS_KEPT);
    buffer_pool_init(&worker->heads, settings->max_head_bytes + ADDED_MAX, HEADS_KEPT);
    /* A head written anew may be longer: a line grows by a space when it had none behind the colon. */
    uint32_t longest = 2 * worker->heads.capacity;
    /* Most bodies that are received before a slot is taken are to have room behind their head. */
    uint64_t whole = worker->heads.capacity + settings->request_buffer_bytes;
    if (whole > longest && whole <= worker->heads.capacity + BODY_BUFFER)
        longest = (uint32_t)whole;
    buffer_pool_init(&worker->bodies, longest > BODY_BUFFER ? longest : BODY_BUFFER, BODIES_KEPT);
    freelist_init(&worker->spare_clients, sizeof(struct client), CLIENTS_KEPT);
    freelist_init(&worker->spare_exchanges, exchange_size(worker), EXCHANGES_KEPT);
}

int worker_init(struct worker *worker, struct worker_shared *shared, int index, int listen_fd,
                struct error *err)
{
    *worker = (struct worker){.shared = shared, .index = index, .listen_fd = listen_fd, .inbox.fd = -1};
    worker->last_ready = &worker->ready;
    worker->tick_at_ms = TIMER_NEVER;
    init_limits(worker, shared->settings);
    backlogs_init(&worker->backlogs, shared->settings->buffer_memory_bytes / shared->worker_count);
    init_outbox(worker);
    timer_wheel_init(&worker->wheel, clock_ms());
    accept_init(worker);
    idle_list_init(&worker->idle);
    timer_init(&worker->trim, trim);
    if (getrandom(&worker->random_state, sizeof(worker->random_state), 0) < 0)
        worker->random_state = clock_ns();
    worker->base = make_base(err);
    if (!worker->base || mailbox_init(&worker->inbox, err) < 0)
        return -1;
    event_assign(&worker->listener, worker->base, listen_fd, EV_READ | EV_PERSIST, accept_ready, worker);
    event_assign(&worker->inbox_event, worker->base, worker->inbox.fd, EV_READ | EV_PERSIST, on_mail, worker);
    event_assign(&worker->tick, worker->base, -1, 0, on_tick, worker);
    if (event_add(&worker->listener, NULL) < 0 || event_add(&worker->inbox_event, NULL) < 0)
        return error_set(err, "gateway", "event-loop", "cannot watch the listener");
    return 0;
}

int worker_start(struct worker *worker, struct error *err)
{
    int code = pthread_create(&worker->thread, NULL, run, worker);
    if (code != 0)
        return error_errno(err, "gateway", code, "cannot start a worker thread");
    worker->started = true;
    return 0;
}

void worker_stop(struct worker *worker)
{
    if (!worker->started)
        return;
    worker->stop_mail.deliver = on_stop;
    mailbox_post(&worker->inbox, &worker->stop_mail);
    pthread_join(worker->thread, NULL);
    worker->started = false;
}

void worker_close_clients(struct worker *worker)
{
    worker->phase = WORKER_STOPPED;
    while (worker->clients)
        client_close(worker->clients, true);
}

void worker_clear(struct worker *worker)
{
    while (worker->watches)
        slot_link_detach(worker->watches);
    if (worker->base) {
        event_del(&worker->listener);
        event_del(&worker->inbox_event);
        event_del(&worker->tick);
        event_base_free(worker->base);
    }
    if (worker->inbox.fd >= 0)
        mailbox_clear(&worker->inbox);
    if (worker->listen_fd >= 0)
        close(worker->listen_fd);
    buffer_pool_clear(&worker->parts);
    buffer_pool_clear(&worker->heads);
    buffer_pool_clear(&worker->bodies);
    freelist_clear(&worker->spare_clients);
    freelist_clear(&worker->spare_exchanges);
    outbox_clear(&worker->outbox);
    route_snapshot_unref(worker->routes);
}
