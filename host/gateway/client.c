#include "gateway/client.h"

#include "base/container_of.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After the last answer, a client that still sends is listened to for so long and so much, so that it can
 * read the answer before its own bytes meet a closed connection. */
#define LINGER_MS       2000
#define LAST_REQUEST_MS 500
#define LINGER_BYTES    (1024 * 1024)

/* Kept for reuse at most. */
#define CLIENTS_KEPT 1024

static void on_proceed(struct task *task);
static void on_readable(evutil_socket_t fd, short what, void *context);
static void on_writable(evutil_socket_t fd, short what, void *context);
static void on_deadline(struct timer *timer, uint64_t now_ms);

/* Who it is, and whether what it says of others is believed: settled once, for all its requests. */
static void identify(struct client *client, const struct ip_address *address)
{
    const struct network_list *trusted = &client->loop->settings->trusted_proxies;
    client->trusted = !client->entrance && network_list_has(trusted, address) ? trusted : NULL;
    client->address_length = client_is_calls(client)
                                 ? (uint8_t)snprintf(client->address, sizeof(client->address), "calls")
                                 : (uint8_t)ip_address_format(address, client->address);
}

static void link_client(struct client *client)
{
    struct clients *all = client->all;
    LIST_INSERT_HEAD(&all->list, client, link);
    if (client->entrance)
        client->entrance->clients++;
    if (!client_is_function(client))
        all->count++;
    counter_add(&client->loop->counters, COUNTER_CONNECTIONS_ACCEPTED, 1);
    counter_add(&client->loop->counters, COUNTER_CONNECTIONS_OPEN, 1);
}

static void unlink_client(struct client *client)
{
    LIST_REMOVE(client, link);
    if (client->entrance)
        client->entrance->clients--;
    if (!client_is_function(client))
        client->all->count--;
    counter_add(&client->loop->counters, COUNTER_CONNECTIONS_OPEN, (uint64_t)-1);
}

/* The wait for the first byte of the next request. */
static void set_idle_timer(struct client *client)
{
    client_set_timer(client, loop_now_ms(client->loop) + client->loop->settings->keep_alive_timeout_ms);
}

/* Those of other entrances make no room for clients of the public port. */
static void idle_as(struct client *client, enum idle_kind kind)
{
    if (!client->entrance)
        idle_list_put(&client->all->idle, client, kind, loop_now_ms(client->loop));
}

static void begin_idling(struct client *client)
{
    idle_as(client, IDLE_SILENT);
}

void client_idle_in_head(struct client *client)
{
    idle_as(client, IDLE_IN_HEAD);
}

void client_stop_idling(struct client *client)
{
    idle_list_remove(&client->all->idle, client);
}

/* A connection that never leaves the host has no congestion to control. An algorithm that paces what is sent
 * (BBR) costs a timer for each answer, so such a connection gets the plainest one. */
static void tune(int fd, const struct ip_address *address)
{
    if (ip_address_is_loopback(address))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
}

/* Whether its address may have another connection. Who is trusted passes on the requests of many. */
static bool admit(struct client *client, const struct ip_address *address, bool is_passed)
{
    unsigned limit = client->loop->settings->max_connections_per_address;
    if (limit > 0 && is_passed)
        limit = UINT_MAX;
    if (limit == 0 || client->trusted || client->entrance)
        return true;
    client->counted = address_counts_enter(client->all->addresses, address, limit);
    return client->counted;
}

static void forget_address(const struct client *client)
{
    struct ip_address address;
    if (client->counted && ip_address_parse(client->address, client->address_length, &address))
        address_counts_leave(client->all->addresses, &address);
}

static enum client_open turn_away(struct client *client, enum client_open why)
{
    freelist_give(&client->all->spare, client);
    return why;
}

static enum client_open open_client(struct clients *clients, int fd,
                                    const struct sockaddr_storage *socket_address, struct entrance *entrance,
                                    const struct passed_client *passed)
{
    struct loop *loop = clients->loop;
    struct client *client = freelist_take(&clients->spare);
    if (!client)
        return CLIENT_FAILED;
    *client = (struct client){
        .all = clients, .loop = loop, .fd = fd, .entrance = entrance, .proceed.run = on_proceed};
    struct ip_address address = {0};
    ip_address_from_socket(socket_address, &address);
    identify(client, &address);
    if (!admit(client, &address, passed))
        return turn_away(client, CLIENT_REFUSED);
    tune(fd, &address);
    timer_init(&client->timer, on_deadline);
    event_assign(&client->read, loop->base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable,
                 client);
    event_assign(&client->write, loop->base, fd, EV_WRITE | EV_ET, on_writable, client);
    if (event_add(&client->read, NULL) < 0) {
        forget_address(client);
        return turn_away(client, CLIENT_FAILED);
    }
    link_client(client);
    set_idle_timer(client);
    begin_idling(client);
    return CLIENT_OPENED;
}

enum client_open client_open(struct clients *clients, int fd, const struct sockaddr_storage *socket_address,
                             struct entrance *entrance)
{
    return open_client(clients, fd, socket_address, entrance, NULL);
}

/* A buffer with what another daemon has received. NULL: out of memory. */
static struct buffer *buffer_of(struct loop *loop, const struct passed_client *passed)
{
    size_t capacity = passed->size > loop->heads.capacity ? passed->size : loop->heads.capacity;
    struct buffer *in = loop_take(loop, (uint32_t)capacity);
    if (in) {
        memcpy(in->data, passed->bytes, passed->size);
        in->end = (uint32_t)passed->size;
    }
    return in;
}

enum client_open client_open_passed(struct clients *clients, const struct passed_client *passed,
                                    const struct sockaddr_storage *socket_address, struct entrance *entrance)
{
    struct loop *loop = clients->loop;
    struct buffer *in = passed->size > 0 ? buffer_of(loop, passed) : NULL;
    if (passed->size > 0 && !in)
        return CLIENT_FAILED;
    enum client_open opened = open_client(clients, passed->fd, socket_address, entrance, passed);
    if (opened != CLIENT_OPENED) {
        loop_give(loop, &in);
        return opened;
    }
    struct client *client = LIST_FIRST(&clients->list);
    client->in = in;
    if (in)
        client_postpone(client);
    return CLIENT_OPENED;
}

/* Frees it; the connection is not closed. */
static void forget_client(struct client *client)
{
    struct clients *all = client->all;
    struct loop *loop = client->loop;
    struct entrance *entrance = client->entrance;
    timer_remove(&loop->wheel, &client->timer);
    loop_unpostpone(loop, &client->proceed);
    loop_give(loop, &client->in);
    idle_list_remove(&all->idle, client);
    unlink_client(client);
    forget_address(client);
    freelist_give(&all->spare, client);
    all->on_closed(all, entrance);
}

void client_close(struct client *client, bool reset)
{
    int fd = client->fd;
    if (client->exchange)
        client->all->handler->on_gone(client->exchange);
    client->exchange = NULL;
    event_del(&client->read);
    event_del(&client->write);
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
    forget_client(client);
}

/* --- to the next daemon --- */

static void pass_on(struct client *client)
{
    struct clients *all = client->all;
    const struct entrance *entrance = client->entrance;
    const struct buffer *in = client->in;
    struct passed_client *passed = passed_client_create(client->fd, in ? in->data : NULL, in ? in->end : 0);
    if (entrance) {
        passed->instance = entrance->instance;
        passed->is_management = entrance->kind == ENTRANCE_MANAGEMENT;
        passed->is_checked = entrance->is_checked;
    }
    event_del(&client->read);
    event_del(&client->write);
    all->on_passed(all, passed);
    forget_client(client);
}

/* While the loop holds or passes on: whether the client has nothing under way that is finished here. What has
 * come of its request waits as it came then, or has been passed on with it. */
static bool is_for_next(struct client *client)
{
    const struct client_handler *handler = client->all->handler;
    enum loop_phase phase = client->loop->phase;
    if ((phase != LOOP_HOLDING && phase != LOOP_PASSING) || client_is_calls(client) || client->lingering)
        return false;
    if (client->exchange && !(handler->is_untouched(client->exchange) && handler->undo(client->exchange)))
        return false;
    if (client->exchange)
        set_idle_timer(client);
    client->exchange = NULL;
    if (phase == LOOP_PASSING)
        pass_on(client);
    return true;
}

void clients_settle(struct clients *clients)
{
    for (struct client *client = LIST_FIRST(&clients->list), *next; client; client = next) {
        next = LIST_NEXT(client, link);
        is_for_next(client);
    }
}

enum client_receive client_receive(struct client *client, size_t room)
{
    struct buffer *in = client->in;
    ssize_t size = recv(client->fd, in->data + in->end, room, MSG_DONTWAIT);
    if (size > 0) {
        in->end += (uint32_t)size;
        counter_add(&client->loop->counters, COUNTER_BYTES_IN, (uint64_t)size);
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
    loop_give(client->loop, &client->in);
    client->in = other;
    return true;
}

void client_shrink_in(struct client *client)
{
    struct loop *loop = client->loop;
    if (client->in->end <= loop->parts.capacity)
        move_in(client, &loop->parts);
}

bool client_grow_in(struct client *client)
{
    struct loop *loop = client->loop;
    return client->in->capacity >= loop->heads.capacity || move_in(client, &loop->heads);
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
    loop_give(client->loop, &client->in);
    if (!may_be_sending || client->closed) {
        client_close(client, false);
        return;
    }
    shutdown(client->fd, SHUT_WR);
    client->lingering = true;
    client->dropped = 0;
    client->readable = true;
    client_set_timer(client, loop_now_ms(client->loop) + LINGER_MS);
    linger(client);
}

void client_next_request(struct client *client, uint32_t at)
{
    struct loop *loop = client->loop;
    struct buffer *in = client->in;
    client->exchange = NULL;
    if (in && at < in->end) {
        memmove(in->data, in->data + at, in->end - at);
        in->end -= at;
        in->start = 0;
        if (in->capacity != loop->heads.capacity && in->end <= loop->heads.capacity)
            move_in(client, &loop->heads); /* else it stays: one of another size will do */
        client_postpone(client);
    } else {
        loop_give(loop, &client->in);
        if (!client_may_stay(client)) {
            client_close(client, false);
            return;
        }
        if (client->readable || loop->phase == LOOP_PASSING)
            client_postpone(client);
        else
            begin_idling(client);
    }
    set_idle_timer(client);
}

/* Receives the first bytes of a request. False: there are none, and the client may be gone. */
static bool receive_first(struct client *client)
{
    struct loop *loop = client->loop;
    if (client->in)
        return true;
    if (!client->readable)
        return false;
    client->in = buffer_take(&loop->heads);
    enum client_receive got = client->in ? client_receive(client, client->in->capacity) : CLIENT_ENDED;
    if (got == CLIENT_RECEIVED)
        return true;
    loop_give(loop, &client->in);
    if (got == CLIENT_ENDED || !client_may_stay(client))
        client_close(client, false);
    else
        begin_idling(client);
    return false;
}

/* Looks for a request in what has come and what may be received. */
static void proceed(struct client *client)
{
    if (is_for_next(client))
        return;
    if (client->lingering) {
        linger(client);
    } else if (client->exchange) {
        client->all->handler->on_readable(client->exchange);
    } else if (receive_first(client)) {
        client_stop_idling(client);
        client->all->handler->on_request(client);
    }
}

static void on_proceed(struct task *task)
{
    proceed(container_of(task, struct client, proceed));
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct client *client = context;
    client->readable = true;
    if (what & EV_CLOSED)
        client->closed = true;
    proceed(client);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct client *client = context;
    client->wants_write = false;
    if (client->exchange)
        client->all->handler->on_writable(client->exchange);
}

static void on_deadline(struct timer *timer, uint64_t now_ms)
{
    struct client *client = container_of(timer, struct client, timer);
    if (client->exchange)
        client->all->handler->on_deadline(client->exchange, now_ms);
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

/* --- all of a worker --- */

void clients_init(struct clients *clients, struct loop *loop, const struct client_handler *handler,
                  void *context, struct address_counts *addresses,
                  void (*on_closed)(struct clients *clients, struct entrance *entrance),
                  void (*on_passed)(struct clients *clients, struct passed_client *passed))
{
    *clients = (struct clients){.loop = loop,
                                .handler = handler,
                                .context = context,
                                .addresses = addresses,
                                .on_closed = on_closed,
                                .on_passed = on_passed};
    idle_list_init(&clients->idle);
    loop_init_list(loop, &clients->spare, sizeof(struct client), CLIENTS_KEPT);
}

void clients_clear(struct clients *clients)
{
    freelist_clear(&clients->spare);
}

/* It waits for the first byte of a request. While the loop holds, what has come has no exchange. */
static bool is_waiting(const struct client *client)
{
    return !client->exchange && !(client->in && client->in->end > 0) && !client->lingering &&
           !client->proceed.is_postponed;
}

/* Its next request may be on its way. That one is answered, and told to be the last. */
static void end_soon(struct client *client)
{
    uint64_t due_ms = loop_now_ms(client->loop) + LAST_REQUEST_MS;
    if (client->timer.due_ms > due_ms)
        client_set_timer(client, due_ms);
}

void clients_end_waiting(struct clients *clients)
{
    for (struct client *client = LIST_FIRST(&clients->list), *next; client; client = next) {
        next = LIST_NEXT(client, link);
        if (!is_waiting(client))
            continue;
        if (client_is_calls(client))
            client_close(client, false);
        else if (!client->entrance)
            end_soon(client);
    }
}

void clients_resume(struct clients *clients)
{
    struct client *client;
    LIST_FOREACH(client, &clients->list, link)
    {
        client_postpone(client);
    }
}

bool clients_close_idle(struct clients *clients, const struct entrance *entrance)
{
    struct client *client;
    LIST_FOREACH(client, &clients->list, link)
    {
        if (client->entrance == entrance && is_waiting(client)) {
            client_close(client, false);
            return true;
        }
    }
    return false;
}

void clients_close_entrance(struct clients *clients, const struct entrance *entrance)
{
    for (struct client *client = LIST_FIRST(&clients->list), *next; client && entrance->clients > 0;
         client = next) {
        next = LIST_NEXT(client, link);
        if (client->entrance == entrance)
            client_close(client, true);
    }
}

bool clients_close_some(struct clients *clients, unsigned most)
{
    for (; !LIST_EMPTY(&clients->list) && most > 0; most--)
        client_close(LIST_FIRST(&clients->list), true);
    return !LIST_EMPTY(&clients->list);
}
