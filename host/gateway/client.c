#include "gateway/client.h"

#include "base/strbuf.h"
#include "gateway/exchange.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* After the last answer, a client that still sends is listened to for so long and so much, so that it can
 * read the answer before its own bytes meet a closed connection. */
#define LINGER_MS    2000
#define LINGER_BYTES (1024 * 1024)

static void on_readable(evutil_socket_t fd, short what, void *context);
static void on_writable(evutil_socket_t fd, short what, void *context);
static void on_deadline(struct timer *timer, uint64_t now_ms);

/* Who it is, and whether what it says of others is believed: settled once, for all its requests. */
static void identify(struct client *client, const struct ip_address *address)
{
    const struct network_list *trusted = &client->worker->shared->settings->trusted_proxies;
    client->trusted = network_list_has(trusted, address) ? trusted : NULL;
    client->address_length = (uint8_t)ip_address_format(address, client->address);
}

static void link_client(struct worker *worker, struct client *client)
{
    client->next = worker->clients;
    if (worker->clients)
        worker->clients->previous = client;
    worker->clients = client;
    worker->client_count++;
    counter_add(&worker->counters.connections_accepted, 1);
}

static void unlink_client(struct worker *worker, struct client *client)
{
    if (client->next)
        client->next->previous = client->previous;
    if (client->previous)
        client->previous->next = client->next;
    else
        worker->clients = client->next;
    worker->client_count--;
}

/* The wait for the first byte of the next request. */
static void set_idle_timer(struct client *client)
{
    struct worker *worker = client->worker;
    client_set_timer(client, worker_now_ms(worker) + worker->shared->settings->keep_alive_timeout_ms);
}

static void begin_idling(struct client *client)
{
    idle_list_put(&client->worker->idle, client, IDLE_SILENT, worker_now_ms(client->worker));
}

void client_idle_in_head(struct client *client)
{
    idle_list_put(&client->worker->idle, client, IDLE_IN_HEAD, worker_now_ms(client->worker));
}

void client_stop_idling(struct client *client)
{
    idle_list_remove(&client->worker->idle, client);
}

/* A connection that never leaves the host has no congestion to control. An algorithm that paces what is sent
 * (BBR) costs a timer for each answer, so such a connection gets the plainest one. */
static void tune(int fd, const struct ip_address *address)
{
    if (ip_address_is_loopback(address))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
}

/* Whether its address may have another connection. Who is trusted passes on the requests of many. */
static bool admit(struct client *client, const struct ip_address *address)
{
    struct worker *worker = client->worker;
    unsigned limit = worker->shared->settings->max_connections_per_address;
    if (limit == 0 || client->trusted)
        return true;
    client->counted = address_counts_enter(&worker->shared->addresses, address, limit);
    if (client->counted)
        return true;
    accept_note_refusal(worker, client->address);
    return false;
}

static void forget_address(const struct client *client)
{
    struct ip_address address;
    if (client->counted && ip_address_parse(client->address, client->address_length, &address))
        address_counts_leave(&client->worker->shared->addresses, &address);
}

void client_open(struct worker *worker, int fd, const struct sockaddr_storage *socket_address)
{
    struct client *client = freelist_take(&worker->spare_clients);
    if (!client) {
        close(fd);
        worker_client_gone(worker);
        return;
    }
    *client = (struct client){.worker = worker, .fd = fd};
    struct ip_address address = {0};
    ip_address_from_socket(socket_address, &address);
    identify(client, &address);
    if (!admit(client, &address)) {
        close(fd);
        freelist_give(&worker->spare_clients, client);
        worker_client_gone(worker);
        return;
    }
    tune(fd, &address);
    timer_init(&client->timer, on_deadline);
    link_client(worker, client);
    event_assign(&client->read, worker->base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable,
                 client);
    event_assign(&client->write, worker->base, fd, EV_WRITE | EV_ET, on_writable, client);
    if (event_add(&client->read, NULL) < 0) {
        client_close(client, true);
        return;
    }
    set_idle_timer(client);
    begin_idling(client);
}

void client_close(struct client *client, bool reset)
{
    struct worker *worker = client->worker;
    if (client->exchange)
        exchange_abandon(client->exchange);
    client->exchange = NULL;
    event_del(&client->read);
    event_del(&client->write);
    timer_remove(&worker->wheel, &client->timer);
    worker_unpostpone(worker, client);
    worker_give(worker, &client->in);
    if (reset)
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(client->fd);
    idle_list_remove(&worker->idle, client);
    unlink_client(worker, client);
    forget_address(client);
    freelist_give(&worker->spare_clients, client);
    worker_client_gone(worker);
}

enum client_receive client_receive(struct client *client, size_t room)
{
    struct buffer *in = client->in;
    ssize_t size = recv(client->fd, in->data + in->end, room, MSG_DONTWAIT);
    if (size > 0) {
        in->end += (uint32_t)size;
        counter_add(&client->worker->counters.bytes_in, (uint64_t)size);
        /* Edge-triggered: less than asked for means that a new edge will come, unless the end is next. */
        if ((size_t)size < room && !client->closed)
            client->readable = false;
        return CLIENT_RECEIVED;
    }
    client->readable = false;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return CLIENT_NOTHING;
    client->closed = true;
    return CLIENT_ENDED;
}

/* Moves `in` to a buffer of another pool. */
static bool move_in(struct client *client, struct buffer_pool *pool)
{
    struct buffer *other = buffer_take(pool);
    if (!other)
        return false;
    memcpy(other->data, client->in->data, client->in->end);
    other->end = client->in->end;
    worker_give(client->worker, &client->in);
    client->in = other;
    return true;
}

void client_shrink_in(struct client *client)
{
    struct worker *worker = client->worker;
    if (client->in->end <= worker->parts.capacity)
        move_in(client, &worker->parts);
}

bool client_grow_in(struct client *client)
{
    struct worker *worker = client->worker;
    return client->in->capacity >= worker->heads.capacity || move_in(client, &worker->heads);
}

/* Drops what a client still sends after its last answer. */
static void linger(struct client *client)
{
    char dropped[16384];
    while (client->readable) {
        ssize_t size = recv(client->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            client->readable = false;
            return;
        }
        client->dropped += size > 0 ? (uint32_t)size : 0;
        if (size <= 0 || client->dropped > LINGER_BYTES) {
            client_close(client, false);
            return;
        }
    }
}

void client_finish(struct client *client, bool may_be_sending)
{
    client->exchange = NULL;
    worker_give(client->worker, &client->in);
    if (!may_be_sending || client->closed) {
        client_close(client, false);
        return;
    }
    shutdown(client->fd, SHUT_WR);
    client->lingering = true;
    client->dropped = 0;
    client->readable = true;
    client_set_timer(client, worker_now_ms(client->worker) + LINGER_MS);
    linger(client);
}

void client_next_request(struct client *client, uint32_t at)
{
    struct worker *worker = client->worker;
    struct buffer *in = client->in;
    client->exchange = NULL;
    if (in && at < in->end) {
        memmove(in->data, in->data + at, in->end - at);
        in->end -= at;
        in->start = 0;
        if (in->capacity != worker->heads.capacity && in->end <= worker->heads.capacity)
            move_in(client, &worker->heads); /* else it stays: one of another size will do */
        worker_postpone(worker, client);
    } else {
        worker_give(worker, &client->in);
        if (worker->phase != WORKER_SERVING) {
            client_close(client, false);
            return;
        }
        if (client->readable)
            worker_postpone(worker, client);
        else
            begin_idling(client);
    }
    set_idle_timer(client);
}

/* Receives the first bytes of a request. False: there are none, and the client may be gone. */
static bool receive_first(struct client *client)
{
    struct worker *worker = client->worker;
    if (client->in)
        return true;
    if (!client->readable)
        return false;
    client->in = buffer_take(&worker->heads);
    enum client_receive got = client->in ? client_receive(client, client->in->capacity) : CLIENT_ENDED;
    if (got == CLIENT_RECEIVED)
        return true;
    worker_give(worker, &client->in);
    if (got == CLIENT_ENDED || worker->phase != WORKER_SERVING)
        client_close(client, false);
    else
        begin_idling(client);
    return false;
}

void client_proceed(struct client *client)
{
    if (client->lingering) {
        linger(client);
    } else if (client->exchange) {
        exchange_client_readable(client->exchange);
    } else if (receive_first(client)) {
        client_stop_idling(client);
        client->exchange = exchange_begin(client);
        if (client->exchange)
            exchange_client_readable(client->exchange);
        else
            client_close(client, true);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct client *client = context;
    client->readable = true;
    if (what & EV_CLOSED)
        client->closed = true;
    client_proceed(client);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct client *client = context;
    client->wants_write = false;
    if (client->exchange)
        exchange_client_writable(client->exchange);
}

static void on_deadline(struct timer *timer, uint64_t now_ms)
{
    struct client *client = (struct client *)((char *)timer - offsetof(struct client, timer));
    if (client->exchange)
        exchange_client_deadline(client->exchange, now_ms);
    else
        client_close(client, false);
}

void client_want_write(struct client *client)
{
    if (client->wants_write)
        return;
    client->wants_write = true;
    event_add(&client->write, NULL);
}
