/*
 * The least a proxy can do, one thread, for benchmarks: reads from either side and writes it to the other,
 * without a look at the bytes. What it costs is the operating system's share of every proxy's cost.
 *
 *     bare_relay PORT SOCKET
 *
 * Each client on 127.0.0.1:PORT gets a connection of its own to the unix socket. What one send does not take
 * is lost, so it carries small messages only.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FD_MAX     65536
#define EVENTS_MAX 256
#define BUFFER     65536

static int loop_fd;
static int other[FD_MAX]; /* the other side's descriptor; 0: none */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
        fail("listen");
    return fd;
}

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail(path);
    return fd;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    if (fd >= FD_MAX || epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("watch");
}

static void take_clients(int listen_fd, const char *path)
{
    int client;
    while ((client = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        /* As the gateway does for clients on the same host. */
        setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
        int backend = dial(path);
        watch(client);
        watch(backend);
        other[client] = backend;
        other[backend] = client;
    }
}

static void part(int fd)
{
    int peer = other[fd];
    other[fd] = other[peer] = 0;
    close(fd);
    close(peer);
}

static void move(int fd)
{
    static char bytes[BUFFER];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size > 0)
        send(other[fd], bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    else if (size == 0)
        part(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bare_relay PORT SOCKET\n");
        return 2;
    }
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    int listen_fd = listen_on(argv[1]);
    watch(listen_fd);
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(loop_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listen_fd)
                take_clients(listen_fd, argv[2]);
            else if (other[fd])
                move(fd);
        }
    }
}
