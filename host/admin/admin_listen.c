#include "admin/admin_listen.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/network.h"
#include "base/unix_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The numeric address; false: it is a name, or none at all. */
static bool parse(const char *host, const char *port, struct sockaddr_storage *ret_address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static int take_given(struct descriptors *given, const char *host, const char *port)
{
    struct sockaddr_storage address = {0};
    return parse(host, port, &address)
               ? descriptors_take_listener(given, DESCRIPTOR_ADMIN, (const struct sockaddr *)&address,
                                           sizeof(address))
               : -1;
}

int admin_listen_tcp(struct evhttp *http, const char *address, struct descriptors *given,
                     struct admin_listener *ret_listener, char **ret_address, struct error *err)
{
    cleanup_free char *host = NULL;
    const char *port;
    if (address_split(address, &host, &port) < 0)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_USAGE,
                            "the management address must be ADDRESS:PORT, not \"%s\"", address);
    int fd = take_given(given, host, port);
    struct evhttp_bound_socket *bound =
        fd >= 0 ? evhttp_accept_socket_with_handle(http, fd)
                : evhttp_bind_socket_with_handle(http, host, (ev_uint16_t)strtoul(port, NULL, 10));
    if (!bound) {
        error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s for the management API", address);
        return error_hint(err, "give another --admin address");
    }
    *ret_listener = (struct admin_listener){.listener = evhttp_bound_socket_get_listener(bound),
                                            .bound = bound,
                                            .fd = evhttp_bound_socket_get_fd(bound),
                                            .is_given = fd >= 0};
    struct sockaddr_in6 name = {0}; /* the port is at the same place in an IPv4 address */
    socklen_t size = sizeof(name);
    getsockname(ret_listener->fd, (struct sockaddr *)&name, &size);
    *ret_address =
        xasprintf("%.*s:%u", (int)(strrchr(address, ':') - address), address, ntohs(name.sin6_port));
    return 0;
}

/* One whose name is gone is reached by nobody. */
static int take_given_unix(struct descriptors *given, const char *path)
{
    struct sockaddr_un address;
    struct error unused;
    if (access(path, F_OK) < 0 || unix_socket_address(path, COMPONENT_ADMIN, &address, &unused) < 0)
        return -1;
    return descriptors_take_listener(given, DESCRIPTOR_LOCAL, (const struct sockaddr *)&address,
                                     sizeof(address));
}

int admin_listen_unix(struct event_base *base, struct evhttp *http, const char *path,
                      struct descriptors *given, struct admin_listener *ret_listener, struct error *err)
{
    cleanup_close int fd = take_given_unix(given, path);
    bool is_given = fd >= 0;
    if (!is_given && unix_socket_listen(path, COMPONENT_ADMIN, &fd, err) < 0)
        return -1;
    struct evconnlistener *listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd);
    if (!listener)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s", path);
    *ret_listener = (struct admin_listener){
        .listener = listener, .bound = evhttp_bind_listener(http, listener), .fd = fd, .is_given = is_given};
    steal_fd(&fd);
    return 0;
}
