#include "admin/admin_listen.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/network.h"
#include "base/unix_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int admin_listen_tcp(struct evhttp *http, const char *address, char **ret_address, struct error *err)
{
    cleanup_free char *host = NULL;
    const char *port;
    if (address_split(address, &host, &port) < 0)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_USAGE,
                            "the management address must be ADDRESS:PORT, not \"%s\"", address);
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(http, host, (ev_uint16_t)strtoul(port, NULL, 10));
    if (!bound) {
        error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s for the management API", address);
        return error_hint(err, "give another --admin address");
    }
    struct sockaddr_in6 name = {0}; /* the port is at the same place in an IPv4 address */
    socklen_t size = sizeof(name);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&name, &size);
    *ret_address =
        xasprintf("%.*s:%u", (int)(strrchr(address, ':') - address), address, ntohs(name.sin6_port));
    return 0;
}

int admin_listen_unix(struct event_base *base, struct evhttp *http, const char *path, struct error *err)
{
    cleanup_close int fd = -1;
    if (unix_socket_listen(path, COMPONENT_ADMIN, &fd, err) < 0)
        return -1;
    struct evconnlistener *listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd);
    if (!listener)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s", path);
    steal_fd(&fd);
    evhttp_bind_listener(http, listener);
    return 0;
}
