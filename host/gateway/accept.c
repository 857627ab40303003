#include "gateway/accept.h"

#include "base/container_of.h"
#include "base/log.h"
#include "gateway/worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A listener that had to pause looks again after this time, unless a client of its own leaves before. */
#define PAUSE_MS 20

/* Clients taken in one turn of the loop. */
#define BATCH 64

/* Between two log lines that say the same. */
#define TELL_MS 60000

static void listen_again(struct worker *worker)
{
    if (worker->loop.phase == LOOP_SERVING && !worker->acceptor.asking)
        event_add(&worker->listener, NULL);
}

static void on_again(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    listen_again(container_of(timer, struct worker, acceptor.again));
}

/* New clients wait in the backlog. */
static void pause_listener(struct worker *worker)
{
    event_del(&worker->listener);
    loop_set_timer(&worker->loop, &worker->acceptor.again, loop_now_ms(&worker->loop) + PAUSE_MS);
}

static void note_failing(struct worker *worker, int code)
{
    if (worker->acceptor.failing)
        return;
    worker->acceptor.failing = true;
    log_warning(
        "gateway.accept-paused", LOG_INT("worker", worker->loop.index), LOG_STR("error", strerror(code)),
        LOG_STR("hint", "New clients wait. Raise the limit of open files, or lower max_connections."));
}

/* Everyone who waited has been accepted. */
static void note_accepting(struct worker *worker)
{
    if (worker->acceptor.failing)
        log_info("gateway.accept-resumed", LOG_INT("worker", worker->loop.index));
    worker->acceptor.failing = false;
}

/* --- room --- */

/* Whether it is time to log a thing again. */
static bool may_tell(struct worker *worker, uint64_t *told_ms)
{
    uint64_t now_ms = loop_now_ms(&worker->loop);
    if (*told_ms != 0 && now_ms < *told_ms + TELL_MS)
        return false;
    *told_ms = now_ms;
    return true;
}

static void note_eviction(struct worker *worker)
{
    counter_add(&worker->loop.counters, COUNTER_CONNECTIONS_EVICTED, 1);
    if (!may_tell(worker, &worker->acceptor.evictions_told_ms))
        return;
    log_warning("gateway.connections-short", LOG_INT("worker", worker->loop.index),
                LOG_INT("max_connections", worker->shared->settings->max_connections),
                LOG_STR("hint",
                        "Clients that idle are closed, the longest idle first, to make room for new ones. "
                        "Raise max_connections or the limit of open files, or set "
                        "max_connections_per_address."));
}

/* A client has not been let in, because of its address. */
static void note_refusal(struct worker *worker, const struct sockaddr_storage *socket_address)
{
    struct ip_address address = {0};
    char text[INET6_ADDRSTRLEN];
    counter_add(&worker->loop.counters, COUNTER_CONNECTIONS_REFUSED, 1);
    if (!may_tell(worker, &worker->acceptor.refusals_told_ms))
        return;
    ip_address_from_socket(socket_address, &address);
    ip_address_format(&address, text);
    log_warning(
        "gateway.address-limit", LOG_INT("worker", worker->loop.index), LOG_STR("client", text),
        LOG_INT("max_connections_per_address", worker->shared->settings->max_connections_per_address),
        LOG_STR("hint",
                "A connection was hung up on. If this address is a proxy that passes on the requests of "
                "many, list it in trusted_proxies."));
}

/* A request may have come just now. */
static bool has_unread(const struct client *client)
{
    char byte;
    return recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Closes the client that has idled longest in this way. False: there is none. */
static bool evict(struct worker *worker, enum idle_kind kind)
{
    struct client *client;
    while ((client = idle_list_first(&worker->clients.idle, kind))) {
        if (kind != IDLE_SILENT || !has_unread(client)) {
            client_close(client, false);
            note_eviction(worker);
            return true;
        }
        idle_list_remove(&worker->clients.idle, client);
        client->readable = true;
        client_postpone(client);
    }
    return false;
}

/* The worker that has the client which has idled longest, and how it idles; NULL: none of them has any. */
static struct worker *find_longest(const struct worker_shared *shared, enum idle_kind *ret_kind)
{
    for (int kind = 0; kind < IDLE_KINDS; kind++) {
        struct worker *longest = NULL;
        uint64_t since_ms = IDLE_NEVER;
        for (unsigned i = 0; i < shared->worker_count; i++) {
            uint64_t other_ms = idle_list_since_ms(&shared->workers[i].clients.idle, (enum idle_kind)kind);
            if (other_ms < since_ms) {
                since_ms = other_ms;
                longest = &shared->workers[i];
            }
        }
        if (longest) {
            *ret_kind = (enum idle_kind)kind;
            return longest;
        }
    }
    return NULL;
}

static void on_answered(struct mail *mail, void *owner)
{
    (void)owner;
    struct acceptor *acceptor = container_of(mail, struct acceptor, ask);
    acceptor->asking = false;
    listen_again(acceptor->asked_by);
}

static void on_asked(struct mail *mail, void *owner)
{
    struct acceptor *acceptor = container_of(mail, struct acceptor, ask);
    evict(container_of(owner, struct worker, loop), acceptor->kind);
    mail->deliver = on_answered;
    mailbox_post(&acceptor->asked_by->loop.inbox, mail);
}

/* Nobody is accepted until the other has closed one, or finds that it has none any more. */
static void ask(struct worker *worker, struct worker *other, enum idle_kind kind)
{
    struct acceptor *acceptor = &worker->acceptor;
    event_del(&worker->listener);
    acceptor->asking = true;
    acceptor->kind = kind;
    acceptor->ask.deliver = on_asked;
    mailbox_post(&other->loop.inbox, &acceptor->ask);
}

static bool somebody_waits(const struct worker *worker)
{
    struct pollfd listener = {.fd = worker->listen_fd, .events = POLLIN};
    return poll(&listener, 1, 0) > 0;
}

/* There is no room for another client. `code` says why, 0: max_connections. True: there is now. */
static bool make_room(struct worker *worker, int code)
{
    enum idle_kind kind;
    if (worker->acceptor.asking || !somebody_waits(worker))
        return false;
    struct worker *longest = find_longest(worker->shared, &kind);
    if (longest == worker && evict(worker, kind))
        return true;
    if (longest && longest != worker) {
        ask(worker, longest, kind);
        return false;
    }
    if (code != 0)
        note_failing(worker, code);
    pause_listener(worker);
    return false;
}

/* --- accepting --- */

/* One client less, of whichever worker. */
static void count_gone(struct worker *worker)
{
    atomic_fetch_sub_explicit(&worker->shared->connections, 1, memory_order_relaxed);
}

static void let_in(struct worker *worker, int fd, const struct sockaddr_storage *address)
{
    enum client_open opened = client_open(&worker->clients, fd, address, NULL);
    if (opened == CLIENT_REFUSED)
        note_refusal(worker, address);
    if (opened != CLIENT_OPENED) {
        count_gone(worker);
        close(fd);
    }
}

/* False: there is nobody to accept, or no room. */
static bool accept_one(struct worker *worker)
{
    struct worker_shared *shared = worker->shared;
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (atomic_fetch_add_explicit(&shared->connections, 1, memory_order_relaxed) >=
        shared->settings->max_connections) {
        count_gone(worker);
        return make_room(worker, 0);
    }
    int fd = accept4(worker->listen_fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        let_in(worker, fd, &address);
        return true;
    }
    int code = errno;
    count_gone(worker);
    if (code == EAGAIN) {
        note_accepting(worker);
        return false;
    }
    if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM)
        return make_room(worker, code);
    return true; /* that client has gone already; try the next */
}

void accept_ready(evutil_socket_t fd, short what, void *worker)
{
    (void)fd;
    (void)what;
    for (int i = 0; i < BATCH && accept_one(worker); i++)
        ;
}

void accept_client_come(struct worker *worker)
{
    atomic_fetch_add_explicit(&worker->shared->connections, 1, memory_order_relaxed);
}

void accept_client_gone(struct worker *worker)
{
    count_gone(worker);
    if (worker->acceptor.again.due_ms == TIMER_NEVER)
        return;
    timer_stop(&worker->acceptor.again);
    listen_again(worker);
}

void accept_stop(struct worker *worker)
{
    if (worker->listen_fd < 0)
        return;
    event_del(&worker->listener);
    timer_remove(&worker->loop.wheel, &worker->acceptor.again);
    close(worker->listen_fd);
    worker->listen_fd = -1;
}

void accept_init(struct worker *worker)
{
    timer_init(&worker->acceptor.again, on_again);
    worker->acceptor.asked_by = worker;
}
