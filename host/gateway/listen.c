#include "gateway/listen.h"

#include "base/cleanup.h"
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

/* Of what is given to a client's socket so much may wait there to be sent; what is on its way comes on top,
 * as much as the client has room for. A slow client costs the kernel no more memory than that. */
#define UNSENT_BYTES (128 * 1024)

static int resolve(const char *address, struct sockaddr_storage *ret_socket_address, socklen_t *ret_size,
                   struct error *err)
{
    char host[LISTEN_ADDRESS_MAX * 4];
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (!colon || length >= sizeof(host)) {
        error_set(err, ERROR_LISTEN_ADDRESS, "\"%s\" is not ADDRESS:PORT", address);
        return -1;
    }
    bool bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    memcpy(host, address + bracketed, length);
    host[length - (bracketed ? 2 : 0)] = '\0';

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found);
    if (code != 0) {
        error_set(err, ERROR_LISTEN_ADDRESS, "cannot listen on %s: %s", address, gai_strerror(code));
        return -1;
    }
    memcpy(ret_socket_address, found->ai_addr, found->ai_addrlen);
    *ret_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

void listen_tune(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){UNSENT_BYTES}, sizeof(int));
}

/* A bound socket, or -1 with errno. */
static int bind_one(const struct sockaddr_storage *address, socklen_t size, bool shared)
{
    cleanup_close int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    listen_tune(fd);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)address, size) < 0)
        return -1;
    return steal_fd(&fd);
}

/* With SO_REUSEPORT a second daemon could take the same port unnoticed; without, the attempt fails. */
static int check_free(struct sockaddr_storage *address, socklen_t size)
{
    cleanup_close int fd = bind_one(address, size, false);
    if (fd < 0 || listen(fd, 1) < 0)
        return -1;
    return getsockname(fd, (struct sockaddr *)address, &size);
}

static void format(const struct sockaddr_storage *address, socklen_t size,
                   char ret_address[LISTEN_ADDRESS_MAX])
{
    char host[LISTEN_ADDRESS_MAX - 10], port[8];
    bool wide = address->ss_family == AF_INET6;
    ret_address[0] = '\0';
    if (getnameinfo((const struct sockaddr *)address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(ret_address, LISTEN_ADDRESS_MAX, wide ? "[%s]:%s" : "%s:%s", host, port);
}

/* All that listen there: whoever was given none of its backlog would lose those who wait in it. */
static void take_given(struct descriptors *given, const struct sockaddr_storage *address, socklen_t size,
                       struct listeners *listeners)
{
    while (listeners->count < LISTENERS_MAX) {
        int fd =
            descriptors_take_listener(given, DESCRIPTOR_FUNCTIONS, (const struct sockaddr *)address, size);
        if (fd < 0)
            break;
        listen_tune(fd);
        listen(fd, BACKLOG);
        listeners->fds[listeners->count++] = fd;
    }
    listeners->given = listeners->count;
}

static bool is_shared(int fd)
{
    int shared = 0;
    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, &(socklen_t){sizeof(shared)}) == 0 && shared;
}

/* The one that was given, once more; -1 with errno. */
static int duplicate(struct listeners *listeners)
{
    listeners->given++;
    return fcntl(listeners->fds[0], F_DUPFD_CLOEXEC, 0);
}

/* -1 with errno. */
static int open_one(const struct sockaddr_storage *address, socklen_t size)
{
    cleanup_close int fd = bind_one(address, size, true);
    return fd >= 0 && listen(fd, BACKLOG) == 0 ? steal_fd(&fd) : -1;
}

static int open_rest(struct listeners *listeners, unsigned count, struct sockaddr_storage *address,
                     socklen_t size)
{
    if (listeners->given > 0)
        getsockname(listeners->fds[0], (struct sockaddr *)address, &size);
    else if (check_free(address, size) < 0)
        return -1;
    bool is_alone = listeners->given > 0 && !is_shared(listeners->fds[0]);
    while (listeners->count < count) {
        int fd = is_alone ? duplicate(listeners) : open_one(address, size);
        if (fd < 0)
            return -1;
        listeners->fds[listeners->count++] = fd;
    }
    format(address, size, listeners->address);
    return 0;
}

static void close_all(const struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count; i++)
        close(listeners->fds[i]);
}

int listeners_open(const char *address, struct descriptors *given, unsigned count,
                   struct listeners *ret_listeners, struct error *err)
{
    struct sockaddr_storage bound;
    socklen_t size = 0;
    struct listeners listeners = {0};
    if (resolve(address, &bound, &size, err) < 0)
        return -1;
    take_given(given, &bound, size, &listeners);
    if (open_rest(&listeners, count, &bound, size) == 0) {
        *ret_listeners = listeners;
        return 0;
    }
    int saved = errno;
    close_all(&listeners);
    error_errno(err, COMPONENT_GATEWAY, saved, "cannot listen on %s", address);
    return error_hint(err, "Another program may have the port; choose another one with `listen`.");
}
