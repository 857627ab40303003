#include "fleet/link/dial.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "base/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIAL_BACKLOG 1024 /* as many as an instance can have slots */
#define PAUSE_MS     100 /* without descriptors or memory for another connection */

struct dial {
    struct link link;
    char *dir;
    int fd;
    struct event *event;
    struct event *pause;
};

static void on_pause_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct dial *dial = context;
    event_add(dial->event, NULL);
}

/* What waits to be accepted would fire the event again at once, for nothing. */
static void accept_later(struct dial *dial, int errnum)
{
    log_warning("dial.accept-failed", LOG_STR("directory", dial->dir), LOG_STR("error", strerror(errnum)));
    event_del(dial->event);
    uint64_t now_ms = clock_ms();
    timer_at(dial->pause, now_ms + PAUSE_MS, now_ms);
}

/* Who has connected; the user (uid_t)-1, which nobody is: the kernel does not tell. */
static struct ucred peer_of(int connection)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return peer;
}

static void take(struct dial *dial, int connection)
{
    struct ucred peer = peer_of(connection);
    if (dial->link.user == (uid_t)-1) {
        dial->link.user = peer.uid;
        dial->link.process = peer.pid;
    }
    if (peer.uid == dial->link.user) {
        link_connected(&dial->link, connection);
    } else {
        log_warning("dial.stranger", LOG_STR("directory", dial->dir), LOG_INT("user", peer.uid));
        close(connection);
    }
}

/* Takes one connection a turn: the callee may close the dial, and the event fires again while more wait. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct dial *dial = context;
    int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0)
        take(dial, connection);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        accept_later(dial, errno);
}

static const char *dir_of(const struct link *link)
{
    return ((const struct dial *)link)->dir;
}

static int start_listening(struct link *link, struct error *err)
{
    struct dial *dial = (struct dial *)link;
    if (listen(dial->fd, DIAL_BACKLOG) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot listen in %s", dial->dir);
    event_add(dial->event, NULL);
    return 0;
}

/* Stops listening and removes the directory. */
static void close_dial(struct link *link)
{
    struct dial *dial = (struct dial *)link;
    link_clear(link);
    if (dial->event) {
        event_free(dial->event);
        event_free(dial->pause);
    }
    if (dial->fd >= 0)
        close(dial->fd);
    link_remove_dir(link, dial->dir);
    free(dial->dir);
    free(dial);
}

static int resume(struct link *link, const struct link_past *past, struct error *err)
{
    (void)past, (void)err;
    event_add(((struct dial *)link)->event, NULL); /* it listens */
    return 0;
}

static int listener_of(const struct link *link)
{
    return ((const struct dial *)link)->fd;
}

static const struct link_kind dial_kind = {
    .variable = DIAL_VARIABLE,
    .dir = dir_of,
    .listen = start_listening,
    .resume = resume,
    .listener = listener_of,
    .close = close_dial,
};

static struct dial *create(struct event_base *base, const char *dir, const struct link_hooks *hooks,
                           void *owner)
{
    struct dial *dial = xcalloc(1, sizeof(*dial));
    link_init(&dial->link, &dial_kind, base, hooks, owner);
    dial->fd = -1;
    dial->dir = xstrdup(dir);
    return dial;
}

static struct link *watch(struct dial *dial)
{
    struct event_base *base = dial->link.base;
    dial->pause = evtimer_new(base, on_pause_over, dial);
    dial->event = event_new(base, dial->fd, EV_READ | EV_PERSIST, on_readable, dial);
    return &dial->link;
}

int dial_open(struct event_base *base, const char *dir, const struct link_hooks *hooks, void *owner,
              struct link **ret_link, struct error *err)
{
    struct dial *dial = create(base, dir, hooks, owner);
    cleanup_free char *path = xasprintf("%s/" DIAL_SOCKET, dir);
    if (link_make_dir(dir, err) < 0 || unix_socket_bind(path, 0666, COMPONENT_FLEET, &dial->fd, err) < 0) {
        close_dial(&dial->link);
        return -1;
    }
    *ret_link = watch(dial);
    return 0;
}

int dial_listen(const char *dir, int *ret_fd, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" DIAL_SOCKET, dir);
    cleanup_close int fd = -1;
    unlink(path);
    if (unix_socket_bind(path, 0666, COMPONENT_FLEET, &fd, err) < 0)
        return -1;
    if (listen(fd, DIAL_BACKLOG) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot listen in %s", dir);
    *ret_fd = steal_fd(&fd);
    return 0;
}

struct link *dial_keep(struct event_base *base, const char *dir, int fd, const struct link_hooks *hooks,
                       void *owner)
{
    struct dial *dial = create(base, dir, hooks, owner);
    dial->fd = fd;
    return watch(dial);
}
