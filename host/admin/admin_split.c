#include "admin/admin_split.h"

#include "admin/split_place.h"
#include "base/alloc.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_S 10 /* after which the server may wait for the rest of the first line */

struct admin_split {
    struct event_base *base;
    struct gateway *gateway;
    bool checked;
    LIST_HEAD(, newcomer) newcomers;
};

/* A connection of which it is not known yet whom it is for. The server has it, and does not read. */
struct newcomer {
    struct admin_split *split;
    struct bufferevent *buffer;
    struct event *look; /* in the turn in which it came, then when bytes come */
    LIST_ENTRY(newcomer) link;
};

static void newcomer_free(struct newcomer *newcomer)
{
    LIST_REMOVE(newcomer, link);
    event_free(newcomer->look);
    free(newcomer);
}

/* --- whom it is for --- */

static void leave_to_server(struct newcomer *newcomer)
{
    struct bufferevent *buffer = newcomer->buffer;
    newcomer_free(newcomer);
    bufferevent_enable(buffer, EV_READ);
}

/* Puts a connection that has ended in the place of `fd`. -1: there are no descriptors for it. */
static int replace_by_end(int fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    close(pair[1]);
    int code = dup3(pair[0], fd, O_CLOEXEC);
    close(pair[0]);
    return code < 0 ? -1 : 0;
}

/* Its peer; of the unix socket, which has no address, this machine. */
static struct sockaddr_storage peer_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0 || address.ss_family == AF_UNIX) {
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        memcpy(&address, &own, sizeof(own));
    }
    return address;
}

/* The server is left with a connection that has ended, and frees what it has of it by itself. */
static void hand_over(struct newcomer *newcomer)
{
    const struct admin_split *split = newcomer->split;
    int fd = bufferevent_getfd(newcomer->buffer);
    event_del(newcomer->look);
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept >= 0 && replace_by_end(fd) == 0) {
        struct sockaddr_storage address = peer_of(kept);
        gateway_take_connection(split->gateway, kept, &address, split->checked);
    } else if (kept >= 0) {
        close(kept);
    }
    leave_to_server(newcomer);
}

static void on_bytes(evutil_socket_t fd, short what, void *context)
{
    struct newcomer *newcomer = context;
    char bytes[SPLIT_PLACE_BYTES];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR) && !(what & EV_TIMEOUT))
        return;
    enum split_place place = size > 0 ? split_place_of(bytes, (size_t)size) : SPLIT_ADMIN;
    if (place == SPLIT_FUNCTION)
        hand_over(newcomer);
    else if (place == SPLIT_ADMIN || (what & EV_TIMEOUT))
        leave_to_server(newcomer);
}

/* The server has got its descriptor meanwhile, and reads. */
static void on_come(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    static const struct timeval limit = {.tv_sec = LOOK_S};
    struct newcomer *newcomer = context;
    bufferevent_disable(newcomer->buffer, EV_READ);
    event_free(newcomer->look);
    newcomer->look = event_new(newcomer->split->base, bufferevent_getfd(newcomer->buffer),
                               EV_READ | EV_ET | EV_PERSIST, on_bytes, newcomer);
    event_add(newcomer->look, &limit);
}

/* What the server asks for when it has accepted a connection. The buffer closes it, and forgets it first: the
 * server by itself closes first, and then takes a number out of its loop that may be another thread's file by
 * then. */
static struct bufferevent *make_buffer(struct event_base *base, void *context)
{
    struct admin_split *split = context;
    struct bufferevent *buffer = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!buffer)
        return NULL;
    struct newcomer *newcomer = xcalloc(1, sizeof(*newcomer));
    newcomer->split = split;
    newcomer->buffer = buffer;
    newcomer->look = event_new(base, -1, 0, on_come, newcomer);
    LIST_INSERT_HEAD(&split->newcomers, newcomer, link);
    event_active(newcomer->look, EV_TIMEOUT, 0);
    return buffer;
}

struct admin_split *admin_split_create(struct event_base *base, struct evhttp *http, struct gateway *gateway,
                                       bool checked)
{
    struct admin_split *split = xcalloc(1, sizeof(*split));
    *split = (struct admin_split){.base = base, .gateway = gateway, .checked = checked};
    evhttp_set_bevcb(http, make_buffer, split);
    return split;
}

void admin_split_destroy(struct admin_split *split)
{
    if (!split)
        return;
    for (struct newcomer *newcomer = LIST_FIRST(&split->newcomers), *next; newcomer; newcomer = next) {
        next = LIST_NEXT(newcomer, link);
        newcomer_free(newcomer);
    }
    free(split);
}
