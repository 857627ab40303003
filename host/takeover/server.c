#include "takeover/server.h"

#include "base/alloc.h"
#include "base/log.h"
#include "takeover/wire.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct takeover_server {
    int fd;
    struct event *readable;
    char *path;
    void (*asked)(void *context, const struct takeover_peer *peer);
    void *context;
};

static void on_connection(evutil_socket_t listener, short what, void *context)
{
    (void)what;
    const struct takeover_server *server = context;
    struct ucred user;
    struct takeover_peer peer = {.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (peer.fd < 0)
        return;
    peer.pidfd = wire_find_peer(peer.fd, &user);
    peer.pid = user.pid;
    if (user.uid == geteuid() || user.uid == 0) {
        server->asked(server->context, &peer);
        return;
    }
    log_warning("takeover.stranger", LOG_INT("pid", peer.pid));
    close(peer.fd);
    if (peer.pidfd >= 0)
        close(peer.pidfd);
}

int takeover_server_create(struct event_base *base, const char *path,
                           void (*asked)(void *context, const struct takeover_peer *peer), void *context,
                           struct takeover_server **ret_server, struct error *err)
{
    int fd;
    if (wire_listen(path, &fd, err) < 0)
        return -1;
    struct takeover_server *server = xcalloc(1, sizeof(*server));
    *server = (struct takeover_server){.fd = fd, .path = xstrdup(path), .asked = asked, .context = context};
    server->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, server);
    event_add(server->readable, NULL);
    *ret_server = server;
    return 0;
}

void takeover_server_destroy(struct takeover_server *server, bool leave)
{
    if (!server)
        return;
    event_free(server->readable);
    close(server->fd);
    if (!leave)
        unlink(server->path);
    free(server->path);
    free(server);
}
